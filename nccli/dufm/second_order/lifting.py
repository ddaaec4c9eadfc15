"""Where multipliers are not unique: those that lift the curvature of directions that others leave flat.

A direction along the kinks leads to second order where some multipliers are felt more than others: along it the loss
rises by the largest vᵀH(M)v over all M that make the gradient zero (second-order conditions of nonlinear programming
without independent constraints). H(M) is affine in M, so multipliers under which the least curvature of some
directions is largest are found by cutting planes. Under them, positive curvature is enough for a minimum.
"""

import numpy as np
import scipy.optimize as so
from jaxtyping import Float

from nccli.dufm.second_order.curvature import HeldNetwork
from nccli.dufm.second_order.multipliers import Free, Multipliers
from nccli.dufm.second_order.point import Matrix, Vector

_CUTS = 60
"""A taste: planes; known points need some ten."""

_KEPT = 0.1
"""A taste: share of its distance from an end that a multiplier keeps."""

_MOST_FREE = 200
"""A taste: dimensions of free multipliers up to which it is tried."""


def lifted(found: Multipliers, low: Float[np.ndarray, "low size"]) -> Multipliers | None:
    """Multipliers under which the least curvature in the span of orthonormal rows is largest.

    Returns:
        None where multipliers are unique, or the least curvature does not rise.
    """
    if not found.count or not len(low):
        return None
    M, boxes = found.values[0], found.boxes
    free = boxes.free(M)
    m = free.null.shape[1]
    if not 0 < m <= _MOST_FREE:
        return None
    base = HeldNetwork(boxes.point, boxes.slopes, boxes.spread(free.least))
    start = low @ base.times(low).T
    changes = []
    for column in free.null.T:
        other = HeldNetwork(boxes.point, boxes.slopes, boxes.spread(free.least + column))
        change = low @ other.times(low).T - start
        changes.append((change + change.T) / 2)
    t = _highest((start + start.T) / 2, np.array(changes), free)
    if t is None:
        return None
    return boxes.at(boxes.inside(free.least + free.null @ t), found.radius)


def _highest(start: Matrix, changes: Float[np.ndarray, "m low low"], free: Free) -> Vector | None:
    """t that maximises the least eigenvalue of start + Σ t_j changes_j, multipliers in their boxes."""
    m = len(changes)
    kept = [np.maximum(distance, 0) * (1 - _KEPT) for distance in free.distances]
    sides = np.vstack([np.hstack([-side, np.zeros((len(side), 1))]) for side in (free.inner, free.outer)])
    limits, cuts, heights = np.concatenate(kept), list[Vector](), list[float]()
    best, best_t = float(np.linalg.eigvalsh(start)[0]), None
    t = np.zeros(m)
    for _ in range(_CUTS):
        w, Q = np.linalg.eigh(start + np.tensordot(t, changes, 1))
        if w[0] > best:
            best, best_t = float(w[0]), t
        for u in Q[:, : max(1, len(w) // 2)].T:
            cuts.append(np.append(-np.einsum("i,mij,j->m", u, changes, u), 1.0))
            heights.append(float(u @ start @ u))
        found = so.linprog(
            np.append(np.zeros(m), -1.0),
            np.vstack([sides, cuts]),
            np.concatenate([limits, heights]),
            bounds=[(None, None)] * m + [(None, 1.0)],
            method="highs",
        )
        if found.x is None or found.x[-1] < best + 1e-3 * abs(best) + 1e-15:
            break
        t = found.x[:m]
    return best_t
