"""A point of the L-DUFM as its second derivatives see it: collapsed, without what is zero, slopes at kinks included.

Samples. The loss of n samples a class is the mean, over i = 1..n, of the loss that the i-th samples of all classes have
as class means (with n λ_{H_1}). So a collapsed point is a local minimum of the one exactly where it is one of the
other, and within-class directions decide nothing: their curvatures are those of H_1 alone, a diagonal block of what is
looked at here, so that none is smaller, larger, zero or negative where none is here. Everything is in y = √n M_1, in
which lengths and eigenvalues are those of the n-sample problem.

What is zero. H_1 is turned (H_1 → QH_1, W_1 → W_1 Qᵀ) so that its spare dimensions are zero rows, and these, and units
whose rows and columns are zero, are left out: to second order they are coupled to nothing else. What they can do is
looked at in `nccli.dufm.second_order.new_units`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from nccli.dufm.refined.problem import RefinedProblem

Matrix = Float[np.ndarray, "_ _"]
Vector = Float[np.ndarray, " _"]
Mask = Bool[np.ndarray, "_ _"]
Flags = Bool[np.ndarray, " _"]
Places = Int[np.ndarray, " _"]
Stack = Float[np.ndarray, "_ _ _"]

ZERO = 1e-7
"""A taste: rows, columns and singular values below this share of the largest of their matrix are zero. Constructions
have 1e-16 and certified points 1e-10 there."""


@dataclass(frozen=True, eq=False)
class ActivePoint:
    """A point without its zero units, spare dimensions and lost classes.

    Attributes:
        problem: sizes and regularisation, of the whole network.
        y: √n M_1 in an orthonormal basis of its column space, r × K.
        weights: W_1..W_L, each (out, in), of the units that there are.
        units: of layers 2..L, which of the d units these are.
        turn: that basis, d × r.
        lost: classes whose column of M_1 and row of W_L are zero.
    """

    problem: RefinedProblem
    y: Matrix
    weights: tuple[Matrix, ...]
    units: tuple[Flags, ...]
    turn: Matrix
    lost: Flags

    @property
    def L(self) -> int:
        """Weight matrices."""
        return len(self.weights)

    @property
    def wd(self) -> tuple[float, ...]:
        """λ of y, W_1, …, W_L."""
        return self.problem.wd

    @property
    def parts(self) -> tuple[Matrix, ...]:
        """All variables: y, W_1, …, W_L."""
        return (self.y, *self.weights)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Of the variables."""
        return tuple((part.shape[0], part.shape[1]) for part in self.parts)

    @cached_property
    def size(self) -> int:
        """Number of variables."""
        return sum(part.size for part in self.parts)

    @cached_property
    def vector(self) -> Vector:
        """All variables in one."""
        return np.concatenate([part.ravel() for part in self.parts])

    @property
    def spare(self) -> int:
        """Dimensions of H_1 that nothing uses."""
        return self.problem.width - len(self.y)

    @property
    def dead(self) -> tuple[int, ...]:
        """Units of layers 2..L that are zero."""
        return tuple(int((~alive).sum()) for alive in self.units)

    def unpack(self, x: Vector) -> list[Matrix]:
        """Variables of a vector."""
        found, at = [], 0
        for rows, columns in self.shapes:
            found.append(x[at : at + rows * columns].reshape(rows, columns))
            at += rows * columns
        return found

    def moved(self, x: Vector) -> "ActivePoint":
        """The same units elsewhere."""
        y, *weights = self.unpack(x)
        return replace(self, y=y, weights=tuple(weights))

    def forward(self) -> tuple[list[Matrix], list[Matrix]]:
        """H_1..H_L (in units of M_1), and Ht_2..Ht_{L+1}."""
        H, Z = [self.y / np.sqrt(self.problem.n)], []
        for layer, W in enumerate(self.weights):
            Z.append(W @ H[-1])
            if layer < self.L - 1:
                H.append(np.maximum(Z[-1], 0) if self.problem.has_relu[layer] else Z[-1])
        return H, Z

    def loss(self) -> float:
        """Of the n-sample problem."""
        _, Z = self.forward()
        fit = ((Z[-1] - np.eye(self.problem.K)[:, ~self.lost]) ** 2).sum() + self.lost.sum()
        reg = sum(lam * (part**2).sum() for lam, part in zip(self.wd, self.parts, strict=True))
        return float(fit / (2 * self.problem.K) + reg / 2)

    def whole(self) -> tuple[Matrix, list[Matrix]]:
        """M_1 (d × K) and W_1..W_L with all units, in the basis that it came in."""
        d, K = self.problem.width, self.problem.K
        means = np.zeros((d, K))
        means[:, ~self.lost] = self.turn @ self.y / np.sqrt(self.problem.n)
        weights = []
        into, out = [np.arange(d), *(np.flatnonzero(u) for u in self.units)], [*self.units, ~np.zeros(K, bool)]
        for layer, W in enumerate(self.weights):
            full = np.zeros((len(out[layer]), d))
            full[np.ix_(np.flatnonzero(out[layer]), into[layer])] = W if layer else W @ self.turn.T
            weights.append(full)
        return means, weights


def active_point(problem: RefinedProblem, means: Matrix, weights: Sequence[Matrix]) -> ActivePoint:
    """Leave out what is zero.

    Args:
        problem: sizes and regularisation.
        means: M_1, d × K.
        weights: W_1..W_L, each (out, in).
    """
    Q, s, Vt = np.linalg.svd(means, full_matrices=False)
    keep = s > ZERO * max(s[0], np.finfo(float).tiny)
    turn = Q[:, keep]
    y = np.sqrt(problem.n) * s[keep, None] * Vt[keep]
    W = [np.asarray(weights[0] @ turn, dtype=np.float64), *(np.asarray(w, dtype=np.float64) for w in weights[1:])]
    W_rows = [_large(np.linalg.norm(w, axis=1)) for w in W]
    lost = ~_large(np.linalg.norm(y, axis=0)) & ~W_rows[-1] if len(y) else np.ones(problem.K, bool)
    units = []
    for layer in range(len(W) - 1):
        alive = W_rows[layer] | _large(np.linalg.norm(W[layer + 1], axis=0))
        units.append(alive)
        W[layer], W[layer + 1] = W[layer][alive], W[layer + 1][:, alive]
    return ActivePoint(problem, y[:, ~lost], tuple(W), tuple(units), turn, lost)


def _large(norms: Vector) -> Flags:
    return np.asarray(norms > ZERO * max(float(norms.max(initial=0.0)), np.finfo(float).tiny))
