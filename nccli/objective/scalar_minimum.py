"""Minimising c u + Σ_i m_i/(2K(1 + y_i)), y_i = e_i u^L, over u > 0: an inflected function of one variable."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Real

_GRID = 1024
"""Points of the search for turns of the slope. Measured over K 4..190, L 2..9, λ 1e-7..0.05: 8 find them all, and 1024
take no longer than the rest of a solution, under a millisecond."""

_MOST_STEPS = 100
"""A bound: bisection alone halves a step of the grid to the last bit in fewer than 60."""

_NEAR = 1e-15
"""Four units in the last place of a float64."""


def lowest_minimum(
    log_c: float,
    log_y1: Float[np.ndarray, " terms"],
    counts: Real[np.ndarray, " terms"],
    K: int,
    L: int,
    unseen: float,
) -> tuple[float, float]:
    """Return (log u, value) of the lowest non-zero local minimum; (-inf, inf) if there is none.

    At a local minimum the slope turns from − to +, which needs some y_i > (L−1)/(L+1) >= 1/3, and c u is at most
    L·classes/(8K): both ends of the search are proven bounds, on the log scale.

    Args:
        log_c: log c.
        log_y1: log e_i.
        counts: m_i, whole numbers or not.
        K, L: as above.
        unseen: number of classes that no term sees, which cost 1/(2K) each.
    """
    classes = float(counts.sum()) + unseen

    def value(v: float) -> float:
        rest = np.exp(-np.logaddexp(0, L * v + log_y1))
        return math.exp(log_c + v) + (float(counts @ rest) + unseen) / (2 * K)

    low = (math.log(0.3) - float(log_y1.max())) / L
    high = math.log(L * classes / (8 * K)) - log_c + 1e-9
    if high <= low:
        return -math.inf, math.inf
    grid = np.linspace(low, high, _GRID)
    z = np.exp(-np.abs(L * grid[:, None] + log_y1))  # y/(1+y)² is the same for y and 1/y
    slopes = np.exp(log_c + grid) - L / (2 * K) * (z / (1 + z) ** 2) @ counts
    turns = np.flatnonzero((slopes[:-1] < 0) & (slopes[1:] >= 0))
    terms = list(zip(log_y1.tolist(), (L / (2 * K) * counts).tolist(), strict=True))
    minima = [_turn(log_c, terms, L, float(grid[i]), float(grid[i + 1])) for i in turns]
    return min(((v, value(v)) for v in minima), key=lambda pair: pair[1], default=(-math.inf, math.inf))


def _turn(log_c: float, terms: Sequence[tuple[float, float]], L: int, low: float, high: float) -> float:
    """Where the slope turns from − to + between two points: Newton's steps, halves where they would leave the bracket.

    SciPy has this, but takes longer to load than a thousand of these take.
    """
    v = 0.5 * (low + high)
    for _ in range(_MOST_STEPS):
        slope = curvature = math.exp(log_c + v)
        for log_y, weight in terms:
            z = math.exp(-abs(L * v + log_y))
            part = weight * z / (1 + z) ** 2
            slope -= part
            curvature -= math.copysign(part * L * (1 - z) / (1 + z), -(L * v + log_y))
        low, high = (v, high) if slope < 0 else (low, v)
        step = v - slope / curvature if curvature > 0 else low
        following = step if low < step < high else 0.5 * (low + high)
        if abs(following - v) <= _NEAR * max(1.0, abs(v)):
            return following
        v = following
    return v
