"""Rivals against DNC over K: from where they win, and how fast the ratio of SRG's loss to DNC's falls (Theorem 5)."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from nccli.catalogue.options import ObjectiveName
from nccli.theory.best import closed_forms, has_bipartition, solve_bipartition, solve_dnc, solve_srg
from nccli.theory.problem import Problem
from nccli.theory.solution import solve
from nccli.theory.strongly_regular_graph import srg_forms, triangular_root

_LEAST_K = 4
_MOST_K = 64

_BELOW = 1 - 1e-12
"""A bound: rounding of losses that are equal."""


def asymptotic_exponent(L: int, objective: str = "mse") -> float:
    """L_SRG/L_DNC = O(K^this) for K → ∞ with non-trivial DNC; up to a power of log K under cross-entropy.

    (3 − L)/(2(L+1)) under squared error (Súkeník et al. 2024, Theorem 5). Under cross-entropy (2 − L)/(2(L+1)),
    derived: logits that lie along the vertices alone give every class the largest logit, so that A, the cost of W_L, is
    O(K^{3/2}) in the place of DNC's O(K), and P is O(K^{(L+1)/2}) in the place of O(K^L); the loss is some
    (AP)^{1/(L+1)}.
    """
    return ((3 if objective == ObjectiveName.MSE else 2) - L) / (2 * (L + 1))


def srg_threshold(problem: Problem) -> int | None:
    """The least K from which on the best SRG solution (Definitions 9 and 11) has a smaller loss than DNC.

    As `threshold`.
    """
    return threshold(problem, "srg")


def threshold(problem: Problem, rival: str) -> int | None:
    """The least K from which on a rival has a smaller loss than DNC.

    Args:
        problem: L, n, weight decays and objective; its K does not matter.
        rival: one of `RIVALS`.

    Returns:
        K such that the rival wins at K and at every larger K up to 64 at which there is one and DNC is not trivial;
        None if there is none.
    """
    return _threshold(replace(problem, K=_LEAST_K), rival)


def _srg(problem: Problem) -> Iterator[float]:
    """Truncated first: blocks take longer where their scales are one problem."""
    return (solve(problem, each).loss for each in reversed(srg_forms(problem)))


def _bipartition(problem: Problem) -> Iterator[float]:
    if has_bipartition(problem):
        yield solve_bipartition(problem).loss


def _best(problem: Problem) -> Iterator[float]:
    yield from _srg(problem)
    yield from (solution.loss for solution in closed_forms(problem))


RIVALS: Mapping[str, Callable[[Problem], Iterator[float]]] = {"srg": _srg, "bipartition": _bipartition, "best": _best}
"""Losses of the forms of a rival of DNC, none for a problem that has none; the best is of all closed forms."""


@lru_cache(maxsize=4096)
def _threshold(problem: Problem, rival: str) -> int | None:
    """The same for all problems that differ in K alone: a table over K asks for it again and again."""
    found = None
    for K in range(_LEAST_K, _MOST_K + 1):
        there = replace(problem, K=K)
        dnc = solve_dnc(there)
        if dnc.trivial:
            break
        won = (loss < dnc.loss * _BELOW for loss in RIVALS[rival](there))
        first = next(won, None)
        if first is not None:
            wins = first or any(won)
            found = (K if found is None else found) if wins else None
    return found


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
