"""What a unit that is zero could do: whether the loss falls when it begins to have weights.

A zero unit of layer l that gets incoming weights w and outgoing weights v changes the loss, to second order, by

    q(w, v) = λ_{l-1}/2 ‖w‖² + λ_l/2 ‖v‖² + vᵀ D σ(Hᵀw),     H = H_{l-1},  D = ∂loss/∂Ht_{l+1},

and nothing else enters. With the best v it falls where gain(w) = ‖D σ(Hᵀw)‖ / (√(λ_{l-1} λ_l) ‖w‖) is above 1. Copies
of units that there are have 1: a unit may be spread over several. Linear layers and spare dimensions of H_1, where the
gain is a singular value, are in `nccli.dufm.second_order.spare`.

For a set P of classes in which the unit is positive and a set Z in which it is zero, the gain is at most the largest
singular value of D_P H_Pᵀ on {H_Zᵀ w = 0}, and it is that where a singular vector has these signs. So sets are refined,
Z grown, until the bounds are at most 1, a vector has its signs, or there are too many sets.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from nccli.dufm.second_order.curvature import HeldNetwork
from nccli.dufm.second_order.point import Flags, Mask, Matrix, Vector

Sets = Bool[np.ndarray, "sets K"]

EQUAL = 1e-6
"""A taste: gains as close as that to 1 are those of copies. Certified points leave 1e-9."""

_MOST_CLASSES = 15
"""A taste: classes up to which all their subsets are looked at; 2^15 take two seconds a layer."""

_MOST_SETS = 60_000
"""A taste: of pairs (P, Z) after which a search takes the place of a proof."""

_STARTS, _ANYWHERE, _CLIMBS = 400, 3000, 60
"""Tastes: of the search, which climbs from so many of the best sets and from so many random units."""

_LOOKED_AT, _RAYS = 100, 6
"""Tastes: sets of a level that are looked at for vectors of gain 1, and how many of these are wanted."""

_NEARLY = (1e-3, 1e-2, 0.1)
"""Tastes: outputs below these shares of a unit's largest may be zero at the top, where a climb is slow."""

_SIGN = 1e-7
"""A bound: relative size of an output that has no sign."""


@dataclass(frozen=True, eq=False)
class NewUnit:
    """The best that a new unit of a layer can do.

    Attributes:
        layer: l, 2..L.
        gain: largest that was found; 1 where copies are the best, above 1 where the loss falls.
        incoming, outgoing: w, ‖w‖ = 1, and its best v; among the active units.
        proved: whether there is no larger gain, by bounds over all sets of classes.
        rays: unit vectors w with a gain of 1 that are no copies, a row each; some of them, where there is a continuum.
    """

    layer: int
    gain: float
    incoming: Vector
    outgoing: Vector
    proved: bool
    rays: Float[np.ndarray, "rays units"]


@dataclass(frozen=True, eq=False)
class _Layer:
    """What a new unit sees: its output is σ(F c), c coordinates in the span of H, and the gain ‖D σ(F c)‖/‖c‖."""

    F: Float[np.ndarray, "K r"]
    D: Float[np.ndarray, "out K"]
    basis: Float[np.ndarray, "units r"]

    def gain(self, C: Float[np.ndarray, "many r"]) -> Vector:
        size = np.linalg.norm(C, axis=1).clip(1e-300)
        return np.asarray(np.linalg.norm((C @ self.F.T).clip(0) @ self.D.T, axis=1) / size)


def new_units(network: HeldNetwork) -> list[NewUnit]:
    """The best new unit of every ReLU layer that has a zero one, of a stationary point."""
    found, point = [], network.point
    for place, dead in enumerate(point.dead):
        if not dead or not point.problem.has_relu[place]:
            continue
        H, D = network.H[place], network.D[place + 1]
        root = float(np.sqrt(point.wd[place + 1] * point.wd[place + 2]))
        U, s, Vt = np.linalg.svd(H, full_matrices=False)
        r = int((s > 1e-9 * max(s.max(initial=0.0), 1e-300)).sum())
        layer = _Layer(Vt[:r].T * s[:r], D / root, U[:, :r])
        c, proved, rays = _best(layer, _copies(layer, point.weights[place])) if r else (np.zeros(0), True, [])
        gain = float(layer.gain(c[None])[0]) if r else 0.0
        w = layer.basis @ c
        v = -D @ (H.T @ w).clip(0) / point.wd[place + 2]
        found.append(NewUnit(place + 2, gain, w, v, proved, np.array(rays).reshape(len(rays), r) @ layer.basis.T))
    return found


def _copies(layer: _Layer, W: Matrix) -> Float[np.ndarray, "units r"]:
    """Directions of the units that there are."""
    C = W @ layer.basis
    return np.asarray(C / np.linalg.norm(C, axis=1, keepdims=True).clip(1e-300))


def _best(layer: _Layer, copies: Float[np.ndarray, "units r"]) -> tuple[Vector, bool, list[Vector]]:
    """The best c that a search finds, whether nothing is better, and vectors of gain 1 that are no copies."""
    K = len(layer.F)
    if K > _MOST_CLASSES:
        positive = np.random.Generator(np.random.Philox(0)).random((2**12, K)) < 0.5
    else:
        positive = (np.arange(1, 2**K)[:, None] >> np.arange(K)) & 1 > 0
    bounds = _tops(layer, positive, np.zeros_like(positive))
    best = _searched(layer, bounds.vectors, copies)
    if K > _MOST_CLASSES or layer.gain(best[None])[0] > 1 + EQUAL:
        return best, False, []
    zero, looked, rays = np.zeros_like(positive), len(positive), list[Vector]()
    while True:
        rays += _rays(layer, positive, zero, bounds, copies, _RAYS - len(rays))
        left = bounds.tops > 1 + EQUAL
        Y = bounds.vectors @ layer.F.T
        for C in (bounds.vectors, -bounds.vectors):
            met = left & _signs_fit(C @ layer.F.T, positive, zero, _SIGN * np.abs(Y).max(axis=1, keepdims=True))
            if met.any():
                return C[int(np.argmax(np.where(met, bounds.tops, 0)))], False, rays
        if not left.any():
            return best, True, rays
        positive, zero = _children(positive[left], zero[left])
        looked += len(positive)
        if looked > _MOST_SETS:
            return best, False, rays
        bounds = _tops(layer, positive, zero)


@dataclass(frozen=True, eq=False)
class _Bounds:
    """Of sets: largest gain on {F_Z c = 0} were the signs those of the set, its c, whether it is a multiple value."""

    tops: Vector
    vectors: Float[np.ndarray, "sets r"]
    plural: Bool[np.ndarray, " sets"]


def _rays(
    layer: _Layer, positive: Sets, zero: Sets, bounds: _Bounds, copies: Float[np.ndarray, "units r"], most: int
) -> list[Vector]:
    """Vectors of gain 1, a few of them, that are no copies."""
    found: list[Vector] = []
    for at in np.flatnonzero(np.abs(bounds.tops - 1) <= EQUAL)[:_LOOKED_AT]:
        if len(found) >= most:
            break
        c = bounds.vectors[at]
        options = [_inside(layer, positive[at], zero[at])] if bounds.plural[at] else [c, -c]
        for ray in options:
            if ray is None or layer.gain(ray[None])[0] < 1 - EQUAL:
                continue
            if (copies @ ray).max(initial=0.0) < 1 - EQUAL:
                found.append(ray)
    return found


def _tops(layer: _Layer, positive: Sets, zero: Sets) -> _Bounds:
    tops, vectors, plural = [], [], []
    r = layer.F.shape[1]
    square = layer.D.T @ layer.D
    for at in range(0, len(positive), 4096):
        P, Z = positive[at : at + 4096], zero[at : at + 4096]
        F = layer.F[None] * P[:, :, None]
        A = F.swapaxes(1, 2) @ (square @ F)
        if Z.any():
            normal = (layer.F[None] * Z[:, :, None]).swapaxes(1, 2)
            U, s, _ = np.linalg.svd(normal, full_matrices=False)
            U = U * (s > 1e-9 * s.max(axis=1, keepdims=True).clip(1e-300))[:, None, :]
            inner = np.eye(r) - U @ U.swapaxes(1, 2)
            A = inner @ A @ inner
        w, Q = np.linalg.eigh(A)
        tops.append(np.sqrt(w[:, -1].clip(0)))
        vectors.append(Q[:, :, -1])
        plural.append((w[:, -2] > w[:, -1] * (1 - EQUAL)) if r > 1 else np.zeros(len(w), bool))
    return _Bounds(np.concatenate(tops), np.concatenate(vectors), np.concatenate(plural))


def _signs_fit(Y: Matrix, positive: Sets, zero: Sets, tiny: Matrix) -> Flags:
    wrong = np.where(positive, Y < -tiny, np.where(zero, False, Y > tiny))
    return np.asarray(~wrong.any(axis=1))


def _children(positive: Sets, zero: Sets) -> tuple[Mask, Mask]:
    """Each set with one class more in Z, without those that come twice."""
    K = positive.shape[1]
    bit = 1 << np.arange(K, dtype=np.int64)
    P, Z = positive @ bit, zero @ bit
    codes = [np.zeros(0, np.int64)]
    for k in range(K):
        free = ~zero[:, k]
        codes.append((P[free] & ~bit[k]) | ((Z[free] | bit[k]) << K))
    found = np.unique(np.concatenate(codes))
    P, Z = found & ((1 << K) - 1), found >> K
    P, Z = P[P > 0], Z[P > 0]
    return (P[:, None] & bit) > 0, (Z[:, None] & bit) > 0


def _inside(layer: _Layer, positive: Flags, zero: Flags) -> Vector | None:
    """A vector with these signs of a multiple largest gain, well inside; None where there is none."""
    from scipy.optimize import linprog

    F = layer.F[positive]
    w, Q = np.linalg.eigh(F.T @ (layer.D.T @ layer.D)[np.ix_(positive, positive)] @ F)
    space = Q[:, w > w[-1] * (1 - EQUAL)]
    Y = layer.F @ space
    rest = ~positive & ~zero
    A = np.vstack(
        [np.hstack([-Y[positive], np.ones((positive.sum(), 1))]), np.hstack([Y[rest], np.zeros((rest.sum(), 1))])]
    )
    m = space.shape[1]
    cost = np.zeros(m + 1)
    cost[-1] = -1
    equal = np.hstack([Y[zero], np.zeros((zero.sum(), 1))]) if zero.any() else None
    found = linprog(
        cost, A, np.zeros(len(A)), equal, None if equal is None else np.zeros(len(equal)), [(-1, 1)] * m + [(None, 1)]
    )
    if found.x is None or found.x[-1] < _SIGN:
        return None
    c = space @ found.x[:m]
    return np.asarray(c / np.linalg.norm(c))


def _searched(layer: _Layer, C: Float[np.ndarray, "sets r"], copies: Matrix) -> Vector:
    """The best of climbs from units that there are, from the most promising vectors and from anywhere."""
    C = np.concatenate([C, -C])
    C = C[np.argsort(-layer.gain(C), kind="stable")[:_STARTS]]
    anywhere = np.random.Generator(np.random.Philox(1)).standard_normal((_ANYWHERE, layer.F.shape[1]))
    C = _climbed(layer, np.concatenate([copies, C, anywhere]))
    return _rounded(layer, C[np.argsort(-layer.gain(C), kind="stable")[:_STARTS]])


def _climbed(layer: _Layer, C: Matrix) -> Matrix:
    """Gain climbed from each c along its gradient on the sphere; steps that do not help are halved."""
    C = C / np.linalg.norm(C, axis=1, keepdims=True)
    step, gain = np.ones(len(C)), layer.gain(C)
    for _ in range(_CLIMBS):
        Y = C @ layer.F.T
        slope = ((Y.clip(0) @ (layer.D.T @ layer.D)) * (Y > 0)) @ layer.F / (gain[:, None] ** 2).clip(1e-300)
        new = C + step[:, None] * (slope - C)
        new /= np.linalg.norm(new, axis=1, keepdims=True).clip(1e-300)
        found = layer.gain(new)
        good = found > gain
        C, gain = np.where(good[:, None], new, C), np.where(good, found, gain)
        step = np.where(good, np.minimum(2 * step, 8.0), step / 2)
    return C


def _rounded(layer: _Layer, C: Matrix) -> Vector:
    """The best of them, and of what they become when outputs that are nearly zero are held at zero."""
    Y = C @ layer.F.T
    found = [C]
    for share in _NEARLY:
        zero = np.abs(Y) < share * np.abs(Y).max(axis=1, keepdims=True)
        rounded = _tops(layer, (Y > 0) & ~zero, zero).vectors
        found += [rounded, -rounded]
    C = np.concatenate(found)
    C = C[np.linalg.norm(C, axis=1) > 0]
    return np.asarray(C[np.argmax(layer.gain(C))])
