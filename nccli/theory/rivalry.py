"""SRG against DNC over K: from where SRG wins, and how fast the ratio of their losses falls (Theorem 5)."""

import math
from dataclasses import replace
from functools import lru_cache

from nccli.theory.best import solve_dnc, solve_srg
from nccli.theory.problem import Problem
from nccli.theory.strongly_regular_graph import triangular_root

_LEAST_K = 4
_MOST_K = 64


def asymptotic_exponent(L: int) -> float:
    """(3 − L)/(2(L+1)): L_SRG/L_DNC = O(K^this) for K → ∞ with non-trivial DNC (Súkeník et al. 2024, Theorem 5)."""
    return (3 - L) / (2 * (L + 1))


def srg_threshold(problem: Problem) -> int | None:
    """The least K from which on the best SRG solution (Definitions 9 and 11) has a smaller loss than DNC.

    Args:
        problem: L, n and weight decays; its K does not matter.

    Returns:
        K such that SRG wins at K and at every larger K up to 64 at which DNC is not trivial; None if there is none.
    """
    return _threshold(replace(problem, K=_LEAST_K))


@lru_cache(maxsize=4096)
def _threshold(problem: Problem) -> int | None:
    """The same for all problems that differ in K alone: a table over K asks for it again and again."""
    threshold = None
    for K in range(_LEAST_K, _MOST_K + 1):
        there = replace(problem, K=K)
        dnc, srg = solve_dnc(there), solve_srg(there)
        if dnc.trivial:
            break
        wins = srg is not None and srg.loss < dnc.loss
        threshold = (K if threshold is None else threshold) if wins else None
    return threshold


def local_exponent(problem: Problem) -> float | None:
    """d log(L_SRG/L_DNC) / d log K from this K on; None where SRG does not exist or DNC is trivial.

    Up to the triangular number that is nearest to 2K: between K on a triangular and one on a truncated construction the
    ratio jumps. Where K itself is none, up to 2K.
    """
    ratios = []
    further = 2 * problem.K
    if triangular_root(problem.K) is not None:
        r = round((1 + math.sqrt(1 + 8 * further)) / 2)
        further = r * (r - 1) // 2
    for K in (problem.K, further):
        there = replace(problem, K=K)
        dnc, srg = solve_dnc(there), solve_srg(there)
        if srg is None or dnc.trivial:
            return None
        ratios.append(srg.loss / dnc.loss)
    return math.log(ratios[1] / ratios[0]) / math.log(further / problem.K)
