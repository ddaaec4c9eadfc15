"""Theorem 5 as K grows: the exponent of L_SRG/L_DNC, and what K = 10⁴ costs."""

import math
import tracemalloc
from math import comb

import numpy as np
import pytest

from nccli.theory import Problem, asymptotic_exponent, local_exponent, solve, solve_dnc, solve_srg, srg
from tests.oracle.dnc_scalar import dnc_threshold

MIB = 2**20


@pytest.mark.parametrize("part", [1e-3, 0.3, 0.95])
@pytest.mark.parametrize("L", [4, 5, 6])
def test_ratio_falls_as_K_to_the_exponent_of_theorem_5(L: int, part: float) -> None:
    """With λ a fixed part of DNC's threshold c/K the slope of log L_SRG/L_DNC tends to (3−L)/(2(L+1))."""
    exponent = asymptotic_exponent(L)
    sizes = [comb(r, 2) for r in (10, 20, 40, 80, 142)]
    ratios = []
    for K in sizes:
        problem = Problem.uniform(K, L, part * dnc_threshold(K, L))
        dnc_solution, srg_solution = solve_dnc(problem), solve_srg(problem)
        assert not dnc_solution.trivial
        assert srg_solution is not None
        ratios.append(srg_solution.loss / dnc_solution.loss)
    slopes = np.diff(np.log(ratios)) / np.diff(np.log(sizes))
    assert slopes[-1] == pytest.approx(exponent, abs=0.004)
    assert abs(slopes[-1] - exponent) < abs(slopes[0] - exponent)


@pytest.mark.parametrize(
    ("K", "variant"), [(10_011, "blocks"), (10_012, "blocks"), (10_010, "truncated"), (10_012, "truncated")]
)
def test_ten_thousand_classes_need_no_square_matrix(K: int, variant: str) -> None:
    """One K × K array of float64 is 760 MiB."""
    tracemalloc.start()
    try:
        solution = solve(Problem.uniform(K, 5, 1e-6), srg(K, variant))
        assert solution.singular_values(5, "post").shape == (K,)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not solution.trivial
    assert peak < 8 * MIB


def test_the_local_exponent_compares_triangular_with_triangular_numbers() -> None:
    def ratio(K: int) -> float:
        problem = Problem.uniform(K, 4, 5e-4)
        srg = solve_srg(problem)
        assert srg is not None
        return srg.loss / solve_dnc(problem).loss

    for K, further in ((10, 21), (15, 28), (45, 91), (12, 24)):
        expected = math.log(ratio(further) / ratio(K)) / math.log(further / K)
        assert local_exponent(Problem.uniform(K, 4, 5e-4)) == pytest.approx(expected)
