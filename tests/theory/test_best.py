"""Which construction is best for a problem."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.theory import SRG_VARIANTS, Problem, solve, solve_best, solve_kind, solve_srg, srg
from tests.oracle.theory_cases import problems


@given(problem=st.integers(2, 30).flatmap(problems))
def test_best_is_not_above_dnc_srg_or_bipartition_rows(problem: Problem) -> None:
    best, srg_solution = solve_best(problem), solve_srg(problem)
    assert (srg_solution is None) == (problem.K < 4)
    families = ("dnc", "srg", "bipartition")[: 3 if problem.K in (6, 10, 15, 21, 28) else 2 if problem.K >= 4 else 1]
    assert best.loss <= min(solve_kind(problem, kind, {}).loss for kind in families) * (1 + 1e-11)


@pytest.mark.parametrize(("K", "better"), [(11, "blocks"), (9, "truncated"), (14, "truncated"), (22, "blocks")])
def test_the_better_variant_of_definition_11_is_taken(K: int, better: str) -> None:
    problem = Problem.uniform(K, 4, 1e-3)
    losses = {variant: solve(problem, srg(K, variant)).loss for variant in SRG_VARIANTS}
    best = solve_srg(problem)
    assert best is not None
    assert best.construction.variant == better
    assert best.loss == min(losses.values()) < max(losses.values())


@pytest.mark.parametrize(("K", "kind"), [(2, "dnc"), (10, "srg"), (28, "bipartition")])
def test_of_four_layers_and_solutions_that_tie_the_simplest_is_meant(K: int, kind: str) -> None:
    assert solve_best(Problem.uniform(K, 4, 1e-3)).construction.kind == kind
