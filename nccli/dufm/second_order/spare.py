"""Curvatures of what a point leaves at zero: spare dimensions of H_1, zero units, their weights among each other.

Spare dimensions, and zero units of linear layers, have weights (a, b) on their two sides that meet in aᵀCb only, with
C = ∂loss/∂Ht or C = D Hᵀ: curvatures (λ_a + λ_b)/2 ± √((λ_a − λ_b)²/4 + s²), s the singular values of C. Where units of
the same layer are at work s² = λ_a λ_b, and a zero curvature turns one of them towards the spare dimension: a symmetry.
Zero units of ReLU layers stay at zero on the manifold of kinks where w is orthogonal to H; the rest is `new_units`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nccli.dufm.second_order.curvature import HeldNetwork
from nccli.dufm.second_order.new_units import EQUAL
from nccli.dufm.second_order.point import Mask, Matrix, Vector


@dataclass(frozen=True, eq=False)
class Downhill:
    """A spare dimension, or zero unit of a linear layer, that lowers the loss.

    Attributes:
        layer: 1 for features, l for units.
        below, above: its incoming side (row of y or of W_{l-1}) and its outgoing one, of the active units.
        curvature: along them.
    """

    layer: int
    below: Vector
    above: Vector
    curvature: float


@dataclass(frozen=True, eq=False)
class Spare:
    """Curvatures, one for every direction.

    Attributes:
        values: all of them.
        symmetries: those that symmetry makes zero.
        downhill: where one is negative.
    """

    values: Float[np.ndarray, " directions"]
    symmetries: int
    downhill: Sequence[Downhill]


def spare_curvatures(network: HeldNetwork, held: Sequence[Mask]) -> Spare:
    """Curvatures on the manifold of kinks, of all that an `ActivePoint` has left out."""
    point, problem = network.point, network.point.problem
    d, K, lost, wd = problem.width, problem.K, int(point.lost.sum()), point.wd
    values, symmetries, downhill = [np.full(point.spare * lost, wd[0])], 0, list[Downhill]()
    active = [len(point.y), *(W.shape[0] for W in point.weights)]
    whole = [d] * point.L + [K]
    coupled = [0] * (point.L + 1)

    def pair(layer: int, count: int, C: Matrix, ranks: int) -> None:
        nonlocal symmetries
        if not count:
            return
        found, lowest = _pair(layer, wd[layer - 1], wd[layer], C)
        values.append(np.tile(found, count))
        symmetries += count * ranks
        coupled[layer] += count * C.shape[0]
        coupled[layer - 1] += count * C.shape[1]
        if lowest.curvature < -EQUAL * min(wd):
            downhill.append(lowest)

    pair(1, point.spare, network.D[0] / np.sqrt(problem.n), len(point.y))
    for place, dead in enumerate(point.dead):
        H = network.H[place]
        if problem.has_relu[place]:
            coupled[place + 1] += dead * int(np.linalg.matrix_rank(H, 1e-9))  # held at zero
        else:
            rank = int(np.linalg.matrix_rank(network.H[place + 1], 1e-9)) if len(network.H[place + 1]) else 0
            pair(place + 2, dead, network.D[place + 1] @ H.T, rank)
    for layer in range(1, point.L + 1):
        free = whole[layer] * whole[layer - 1] - active[layer] * active[layer - 1] - coupled[layer]
        values.append(np.full(max(free, 0), wd[layer]))
    return Spare(np.concatenate(values), symmetries, downhill)


def _pair(layer: int, lam_below: float, lam_above: float, C: Matrix) -> tuple[Vector, Downhill]:
    """Curvatures of λ_below/2 ‖a‖² + λ_above/2 ‖b‖² + bᵀCa, and the lowest."""
    U, s, Vt = np.linalg.svd(C, full_matrices=False)
    middle, half = (lam_below + lam_above) / 2, (lam_below - lam_above) / 2
    root = np.sqrt(half**2 + s**2)
    rest = [np.full(C.shape[1] - len(s), lam_below), np.full(C.shape[0] - len(s), lam_above)]
    found = np.concatenate([middle - root, middle + root, *rest])
    if not len(s):
        return found, Downhill(layer, np.zeros(C.shape[1]), np.zeros(C.shape[0]), min(lam_below, lam_above))
    _, Q = np.linalg.eigh(np.array([[lam_below, s[0]], [s[0], lam_above]]))
    return found, Downhill(layer, Q[0, 0] * Vt[0], Q[1, 0] * U[:, 0], float(middle - root[0]))
