"""Symmetries of the loss: the copy of a point that lies nearest to another, or least in its way.

The loss does not change under a permutation of the classes (columns of M_1 and rows of W_L), permutations of the units
of a layer with ReLU, and rotations of layer 1 and of layers without.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from nccli.dufm.activation import activate
from nccli.dufm.config import DufmConfig
from nccli.dufm.start import StartPoint

Matrix = Float[np.ndarray, "_ _"]
Classes = Int[np.ndarray, " K"]

_SWEEPS = 100
"""A bound that is not met: each sweep over the layers adds to the inner product, and few do."""

_GAIN = 1e-12
"""A bound: relative rounding of an inner product."""


@dataclass(frozen=True, eq=False)
class Symmetry:
    """An element of the group.

    Attributes:
        classes: class k takes the place of `classes[k]`.
        units: Q_1..Q_L, orthogonal, of layers with ReLU permutations: W_l becomes Q_{l+1} W_l Q_lᵀ.
    """

    classes: Classes
    units: tuple[Matrix, ...]

    def of(self, point: StartPoint) -> StartPoint:
        """The copy of a point."""
        Q = self.units
        hidden = [Q[i + 1] @ W @ Q[i].T for i, W in enumerate(point.weights[:-1])]
        last = point.weights[-1][self.classes] @ Q[-1].T
        return StartPoint(Q[0] @ point.means[:, self.classes], (*hidden, last))


class Alignment:
    """Two points of one problem and one width, and the copies of the second."""

    def __init__(self, config: DufmConfig, to: StartPoint, point: StartPoint) -> None:
        """For copies of `point` as seen from `to`, in the norm of the regularisation."""
        self._config, self._point = config, point
        self._wd = (config.wd_h1, *config.wd_layers)
        self._a, self._b = ([p.means, *p.weights] for p in (to, point))
        self._seen = [features(config, p) for p in (to, point)]
        self._turns = [layer == 1 or rotates(config, layer) for layer in range(1, config.L + 1)]

    def near(self, classes: Classes, apart: Collection[int] = ()) -> Symmetry:
        """A copy that no change of the units of one layer, nor of the classes, brings nearer.

        Args:
            classes: where to begin.
            apart: layers in which the units of the copy are to share as little as they can with those of the other.
        """
        Q = [self._first(layer, classes, layer in apart) for layer in range(1, self._config.L + 1)]
        found, score = Symmetry(classes, tuple(Q)), -np.inf
        for _ in range(_SWEEPS):
            C = _permutation(found.classes)
            for layer in range(1, self._config.L + 1):
                if layer not in apart:
                    Q[layer - 1] = self._best(layer, self._pull(layer, Q, C))
            pull = self._wd[0] * self._a[0].T @ Q[0] @ self._b[0]
            pull += self._wd[-1] * self._a[-1] @ Q[-1] @ self._b[-1].T
            chosen = linear_sum_assignment(pull, maximize=True)[1]
            found, before = Symmetry(chosen, tuple(Q)), score
            score = self.inner(found)
            if score <= before + _GAIN * abs(before):
                break
        return found

    def inner(self, symmetry: Symmetry) -> float:
        """Σ λ ⟨·, ·⟩ of the two."""
        copy = symmetry.of(self._point)
        pairs = zip(self._wd, self._a, (copy.means, *copy.weights), strict=True)
        return float(sum(wd * np.vdot(a, b) for wd, a, b in pairs))

    def _first(self, layer: int, classes: Classes, apart: bool) -> Matrix:
        """Units whose activations are alike, or that share the least."""
        if apart:
            return self._least(layer)
        one, other = (seen[layer - 1] for seen in self._seen)
        return self._best(layer, one @ other[:, classes].T)

    def _pull(self, layer: int, Q: Sequence[Matrix], C: Matrix) -> Matrix:
        """What ⟨Q_l, ·⟩ adds to the inner product."""
        before = C if layer == 1 else Q[layer - 2]
        after = C if layer == self._config.L else Q[layer]
        inwards = self._wd[layer - 1] * self._a[layer - 1] @ (self._b[layer - 1] @ before.T).T
        return np.asarray(inwards + self._wd[layer] * self._a[layer].T @ (after @ self._b[layer]))

    def _best(self, layer: int, pull: Matrix) -> Matrix:
        if self._turns[layer - 1]:
            U, _, Vt = np.linalg.svd(pull)
            return np.asarray(U @ Vt)
        return _permutation(linear_sum_assignment(pull, maximize=True)[1])

    def _least(self, layer: int) -> Matrix:
        """The largest of the one where the other has the smallest."""
        sides = [
            (np.sqrt(self._wd[layer - 1]) * p[layer - 1], np.sqrt(self._wd[layer]) * p[layer].T)
            for p in (self._a, self._b)
        ]
        if self._turns[layer - 1]:
            one, other = (np.linalg.svd(np.concatenate(side, axis=1))[0] for side in sides)
            return np.asarray(one[:, ::-1] @ other.T)
        one, other = (np.argsort(sum((part**2).sum(axis=1) for part in side), kind="stable") for side in sides)
        found = np.empty(len(one), int)
        found[one] = other[::-1]
        return _permutation(found)


def rotates(config: DufmConfig, layer: int) -> bool:
    """Whether H_layer, layer ≥ 2, is linear, so that its units may be mixed."""
    z = np.array([-1.0, 1.0])
    return bool((activate(config, layer, z)[0] == z).all())


def features(config: DufmConfig, point: StartPoint) -> list[Float[np.ndarray, "d K"]]:
    """M_1, …, M_L of a point."""
    found = [point.means]
    for layer, W in enumerate(point.weights[:-1], 2):
        found.append(activate(config, layer, W @ found[-1])[0])
    return found


def _permutation(chosen: Int[np.ndarray, " d"]) -> Matrix:
    """The matrix whose i-th row picks entry `chosen[i]`."""
    return np.asarray(np.eye(len(chosen))[chosen])
