"""Theorem 5: where DNC is not trivial, an SRG solution beats it."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nccli.theory import Problem, solve_dnc, solve_srg
from tests.oracle.dnc_scalar import dnc_threshold
from tests.oracle.theory_cases import problems

OF_THRESHOLD = (1e-5, 0.3, 0.9999)
"""Weight decays as a part of the one at which DNC turns trivial."""


def ratio(problem: Problem) -> float:
    """L_SRG/L_DNC, for a problem in which DNC is not trivial."""
    dnc_solution, srg_solution = solve_dnc(problem), solve_srg(problem)
    assert not dnc_solution.trivial
    assert srg_solution is not None
    return srg_solution.loss / dnc_solution.loss


@pytest.mark.parametrize("part", OF_THRESHOLD)
@pytest.mark.parametrize(("L", "least_K"), [(3, 10), (4, 6), (5, 6), (6, 6), (7, 6)])
def test_srg_beats_dnc_from_theorem_5_on(L: int, least_K: int, part: float) -> None:
    for K in [*range(least_K, 30), 36, 37, 44, 45, 53, 60]:
        assert ratio(Problem.uniform(K, L, part * dnc_threshold(K, L))) < 1, K


@given(problem=st.integers(6, 60).flatmap(lambda K: problems(K, least_L=3 if K >= 10 else 4)))
def test_srg_beats_dnc_at_unequal_weight_decays(problem: Problem) -> None:
    assume(not solve_dnc(problem).trivial)
    assert ratio(problem) < 1


@pytest.mark.parametrize("K", [4, 5, 6, 7])
def test_three_layers_need_more_classes(K: int) -> None:
    assert ratio(Problem.uniform(K, 3, 5e-4)) > 1


@pytest.mark.parametrize("K", [4, 6, 10, 15, 45])
def test_two_layers_are_not_enough(K: int) -> None:
    assert ratio(Problem.uniform(K, 2, 5e-4)) >= 1
