"""From which K SRG wins, and the exponent of Theorem 5 that is told beside it."""

import pytest

from nccli.theory import Problem, asymptotic_exponent, solve_dnc, solve_srg, srg_threshold

MOST_K = 64


def srg_wins(K: int, L: int, wd: float) -> bool | None:
    """Whether SRG has the smaller loss; None where DNC is trivial."""
    problem = Problem.uniform(K, L, wd)
    dnc, srg = solve_dnc(problem), solve_srg(problem)
    return None if dnc.trivial else srg is not None and srg.loss < dnc.loss


@pytest.mark.parametrize(("L", "exponent"), [(2, 1 / 6), (3, 0.0), (4, -1 / 10), (5, -1 / 6), (9, -3 / 10)])
def test_the_exponent_of_theorem_5_is_the_papers(L: int, exponent: float) -> None:
    assert asymptotic_exponent(L) == pytest.approx(exponent, abs=1e-15)


@pytest.mark.parametrize(("L", "wd"), [(3, 5e-4), (4, 5e-4), (6, 4e-3)])
def test_from_the_threshold_on_srg_wins_and_just_below_it_does_not(L: int, wd: float) -> None:
    wins = {K: won for K in range(4, MOST_K + 1) if (won := srg_wins(K, L, wd)) is not None}
    threshold = srg_threshold(Problem.uniform(10, L, wd))
    assert threshold is not None
    assert all(won for K, won in wins.items() if K >= threshold)
    assert not wins[threshold - 1]


@pytest.mark.parametrize(("K", "L", "threshold"), [(4, 3, 8), (64, 3, 8), (20, 4, 6)])
def test_the_threshold_is_that_of_the_problem_whatever_its_own_number_of_classes(
    K: int, L: int, threshold: int
) -> None:
    assert srg_threshold(Problem.uniform(K, L, 5e-4)) == threshold


def test_where_dnc_is_trivial_for_any_number_of_classes_there_is_no_threshold() -> None:
    assert srg_wins(4, 4, 0.5) is None
    assert srg_threshold(Problem.uniform(10, 4, 0.5)) is None
