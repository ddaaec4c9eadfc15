"""Kinks of a point and the multipliers that come closest to making it stationary.

The multiplier of a kink is its Δ, between 0 and B = ∂loss/∂H there. For given Δ of the layers above, B and gradient
are linear in all multipliers, so that a least gradient is a convex quadratic over boxes whose ends move with what they
hold. Where multipliers are not unique those are taken that are farthest from the ends.
"""

from dataclasses import dataclass

import numpy as np
import scipy.optimize as so
import scipy.sparse as sp
from jaxtyping import Float

from nccli.dufm.refined.box import box_minimum
from nccli.dufm.second_order.curvature import HeldNetwork
from nccli.dufm.second_order.point import ActivePoint, Mask, Matrix, Vector

RADIUS = 1e-6
"""A taste: pre-activations below that, over the root mean square of the positive ones, are kinks. Kinks of certified
points have 1e-10 at most; beside them there are some of 1e-8 with a slope of their own, which second order cannot tell
from kinks, and from 1e-3 on the others."""

WEAK = 1e-7
"""A taste: distance of a multiplier from an end of its box, over the largest ∂loss/∂H of the point, that is none."""

_ROUNDS = 12
"""A taste: how often the ends of the boxes follow what they hold."""

_NEAR = 1e-3
"""A taste: residuals below may be those of quadratics that were not solved to the end."""

_CAP = 0.05
"""A taste: distance from an end, over the median length of the boxes, beyond which more is no gain."""

_LARGEST_PROGRAM = 1500
"""A taste: kinks up to which multipliers are centred; the linear program takes a minute there."""

_FITS = 1e-9
"""A taste: a residual from which on only multipliers remain to be chosen."""

_NULL = 1e-14
"""A bound: eigenvalues of JJᵀ, relative to the largest, that are rounding."""


@dataclass(frozen=True, eq=False)
class Multipliers:
    """Kinks and their multipliers.

    Attributes:
        held: the kinks of layers 2..L.
        M: Δ there, 0 elsewhere.
        B: ∂loss/∂H of layers 2..L with them.
        network: the point with slopes M/B at kinks.
        residual: ‖gradient‖ with them, over ‖(λθ)‖.
        radius: largest pre-activation that counts as zero, over the root mean square of the positive ones.
        boxes: where multipliers can be.
    """

    held: tuple[Mask, ...]
    M: tuple[Matrix, ...]
    B: tuple[Matrix, ...]
    network: HeldNetwork
    residual: float
    radius: float
    boxes: "Boxes"

    @property
    def count(self) -> int:
        """Kinks."""
        return sum(int(q.sum()) for q in self.held)

    @property
    def none(self) -> float:
        """Distance of a multiplier from an end of its box that is none."""
        return WEAK * max((float(np.abs(b).max(initial=0.0)) for b in self.network.B), default=0.0)

    @property
    def values(self) -> tuple[Vector, Vector]:
        """Δ and B of the kinks, layer after layer."""
        return _flat(self.held, self.M), _flat(self.held, self.B)


def multipliers(point: ActivePoint) -> Multipliers:
    """Find the kinks of a point, and multipliers."""
    _, Z = point.forward()
    hidden = Z[:-1]
    positive = np.concatenate([np.zeros(0), *(z[z > 0] for z in hidden)])
    unit = float(np.sqrt(np.mean(positive**2))) if len(positive) else 1.0
    relus = point.problem.has_relu
    held = tuple((np.abs(z) < RADIUS * unit) & has for z, has in zip(hidden, relus, strict=True))
    off = max((float(np.abs(z[q]).max(initial=0.0)) / unit for z, q in zip(hidden, held, strict=True)), default=0.0)
    slopes = [1.0 * ((z > 0) & ~q) if has else np.ones_like(z) for z, q, has in zip(hidden, held, relus, strict=True)]
    boxes = Boxes(point, held, slopes)
    M = boxes.least(boxes.layerwise())
    if (found := boxes.relative(M)) < _NEAR:
        centred = boxes.centred(M)
        M = centred if boxes.relative(centred) < max(found, _FITS) else M
    return boxes.at(M, off)


@dataclass(frozen=True, eq=False)
class Boxes:
    """min ‖gradient‖ over the multipliers of a point."""

    point: ActivePoint
    held: tuple[Mask, ...]
    slopes: list[Matrix]

    def spread(self, M: Vector) -> list[Matrix]:
        """By layer; zero off the kinks."""
        out, at = [], 0
        for q in self.held:
            a = np.zeros(q.shape)
            a[q] = M[at : at + int(q.sum())]
            at += int(q.sum())
            out.append(a)
        return out

    def at(self, M: Vector, radius: float) -> Multipliers:
        """The point with these multipliers."""
        spread = self.spread(M)
        B = self.network(M).B[1:]
        slopes = [
            np.where(q, np.divide(m, b, out=np.zeros_like(m), where=np.abs(b) > 0).clip(0, 1), s)
            for q, m, b, s in zip(self.held, spread, B, self.slopes, strict=True)
        ]
        through = HeldNetwork(self.point, slopes)
        return Multipliers(self.held, tuple(spread), tuple(B), through, self.relative(M), radius, self)

    def network(self, M: Vector) -> HeldNetwork:
        """With these forces at kinks."""
        return HeldNetwork(self.point, self.slopes, self.spread(M))

    def relative(self, M: Vector) -> float:
        """‖gradient‖ over ‖(λθ)‖, with multipliers in their boxes."""
        scale = np.sqrt(sum(lam**2 * (p**2).sum() for lam, p in zip(self.point.wd, self.point.parts, strict=True)))
        norm = float(np.linalg.norm(self.network(self.inside(M)).gradient))
        return norm / float(scale) if scale > 0 else norm

    def ends(self, M: Vector) -> tuple[Vector, Vector]:
        """Of the boxes."""
        B = _flat(self.held, self.network(M).B[1:])
        return np.minimum(B, 0), np.maximum(B, 0)

    def inside(self, M: Vector) -> Vector:
        """Clipped from the output down, for boxes depend on what is above them only."""
        for _ in range(len(self.held)):
            M = np.clip(M, *self.ends(M))
        return M

    def layerwise(self) -> Vector:
        """Layer after layer from the output down, what makes ∂loss/∂W of the unit least."""
        point, M = self.point, [np.zeros(q.shape) for q in self.held]
        H = HeldNetwork(point, self.slopes).H
        for layer in range(len(self.held) - 1, -1, -1):
            net = HeldNetwork(point, self.slopes, M)
            B, lam, W = net.B[layer + 1], point.wd[layer + 1], point.weights[layer]
            gradient = net.D[layer] @ H[layer].T + lam * W
            for i in np.flatnonzero(self.held[layer].any(axis=1)):
                q = self.held[layer][i]
                h, b = H[layer][:, q], B[i, q]
                low = np.minimum(b, 0)
                free = box_minimum(h.T @ h, -(gradient[i] @ h) - h.T @ (h @ low), np.abs(b), 0.5 * np.abs(b))
                M[layer][i, q] = low + free
        return _flat(self.held, M)

    def least(self, M: Vector) -> Vector:
        """All layers together, from there; the ends of the boxes follow."""
        if not len(M):
            return M
        J = self.network(M).rows(self.held)
        S, best, before = J @ J.T, self.inside(M), self.relative(M)
        for _ in range(_ROUNDS):
            if before < _FITS:
                break
            low, high = self.ends(M)
            c = S @ M - J @ self.network(M).gradient
            M = low + box_minimum(S, c - S @ low, high - low, M - low)
            M = self.inside(M)
            now = self.relative(M)
            if not now < before * (1 - 1e-3):
                break
            best, before = M, now
        return best

    def centred(self, M: Vector) -> Vector:
        """Multipliers that make the gradient zero as far from the ends as they can be: max Σ min(distance, cap).

        M itself where there are none, or too many kinks to ask.
        """
        if not 0 < len(M) <= _LARGEST_PROGRAM:
            return M
        free = self.free(M)
        M = free.least
        if not free.null.shape[1]:
            return self.inside(M)
        cap = _CAP * float(np.median(np.abs(free.B)))
        k, m, one = len(M), free.null.shape[1], sp.identity(len(M))
        none, all_of_it = sp.csr_matrix((k, 1)), sp.csr_matrix(np.ones((k, 1)))
        A = [sp.hstack([sp.csr_matrix(-side), one, none]) for side in (free.inner, free.outer)]
        A.append(sp.hstack([sp.csr_matrix((k, m)), -one, all_of_it]))  # the least distance counts as all together
        found = so.linprog(
            np.concatenate([np.zeros(m), -np.ones(k), [-float(k)]]),
            sp.vstack(A).tocsr(),
            np.concatenate([*free.distances, np.zeros(k)]),
            bounds=[(None, None)] * m + [(0, cap)] * k + [(0, cap)],
            method="highs",
        )
        return M if found.x is None else self.inside(M + free.null @ found.x[:m])

    def free(self, M: Vector) -> "Free":
        """What of the multipliers the gradient leaves free, about those next to M that make it least."""
        net = self.network(M)
        w, Q = np.linalg.eigh((J := net.rows(self.held)) @ J.T)
        free = w < _NULL * max(float(w[-1]), 1e-300)
        M = M - Q[:, ~free] @ ((Q[:, ~free].T @ (J @ net.gradient)) / w[~free])
        null, B = Q[:, free], _flat(self.held, self.network(M).B[1:])
        sign = np.where(B < 0, -1.0, 1.0)
        moved = self._ends_move(null) if null.shape[1] else null
        return Free(M, B, null, sign[:, None] * null, sign[:, None] * (moved - null), (sign * M, sign * (B - M)))

    def _ends_move(self, directions: Float[np.ndarray, "kinks m"]) -> Float[np.ndarray, "kinks m"]:
        """What B of the kinks changes by along changes of the multipliers."""
        zero = _flat(self.held, self.network(np.zeros(len(directions))).B[1:])
        moved = [_flat(self.held, self.network(v).B[1:]) - zero for v in directions.T]
        return np.array(moved).T


@dataclass(frozen=True, eq=False)
class Free:
    """Multipliers `least` + `null` t, all with the same gradient.

    Attributes:
        least: those that t = 0 stands for.
        B: the other ends of their boxes.
        null: orthonormal columns.
        inner, outer: change of the distances from both ends with t.
        distances: these at t = 0, negative outside the boxes.
    """

    least: Vector
    B: Vector
    null: Float[np.ndarray, "kinks m"]
    inner: Float[np.ndarray, "kinks m"]
    outer: Float[np.ndarray, "kinks m"]
    distances: tuple[Vector, Vector]


def _flat(held: tuple[Mask, ...], arrays: "list[Matrix] | tuple[Matrix, ...]") -> Vector:
    return np.concatenate([np.zeros(0), *(a[q] for a, q in zip(arrays, held, strict=True))])
