"""Which construction is best for a problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.theory import SRG_VARIANTS, Problem, solve, solve_best, solve_dnc, solve_srg, srg
from tests.oracle.theory_cases import problems


@given(problem=st.integers(2, 30).flatmap(problems))
def test_best_is_the_lower_of_dnc_and_srg(problem: Problem) -> None:
    dnc_solution, srg_solution = solve_dnc(problem), solve_srg(problem)
    assert (srg_solution is None) == (problem.K < 4)
    assert solve_best(problem).loss == min(s.loss for s in (dnc_solution, srg_solution) if s is not None)


@pytest.mark.parametrize(("K", "better"), [(11, "blocks"), (9, "truncated"), (14, "truncated"), (22, "blocks")])
def test_the_better_variant_of_definition_11_is_taken(K: int, better: str) -> None:
    problem = Problem.uniform(K, 4, 1e-3)
    losses = {variant: solve(problem, srg(K, variant)).loss for variant in SRG_VARIANTS}
    best = solve_srg(problem)
    assert best is not None
    assert best.construction.variant == better
    assert best.loss == min(losses.values()) < max(losses.values())


@pytest.mark.parametrize(("K", "kind"), [(3, "dnc"), (5, "dnc"), (6, "srg"), (10, "srg")])
def test_four_layers_prefer_srg_from_six_classes_on(K: int, kind: str) -> None:
    assert solve_best(Problem.uniform(K, 4, 1e-3)).construction.kind == kind
