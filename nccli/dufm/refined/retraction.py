"""Steps along which pre-activations move as the linear model says, however long the step.

In the coordinates U_l a step that changes H_l changes every later layer twice over, and valleys of the loss curve
sharply. Here the layers are passed forward one after the other, and each U_l is chosen so that E_lᵀ z is, for the Gram
matrix that there is by then, what it was plus what the linear model adds. To first order that is U_l + dU_l.
"""

from collections.abc import Sequence

import numpy as np

from nccli.dufm.refined.network import Matrix, Network, Pass, Sigma, Vector, relu

_DYING = 1e-2
"""A taste: of the features' rows, squared and relative to what they were at the start, directions below are about to
go; along them U_l + dU_l itself is taken."""


class Retraction:
    """Steps from one point."""

    def __init__(self, network: Network, x: Vector, point: Pass, grams: Sequence[Matrix], sigma: Sigma = relu) -> None:
        """From x, passed forward to `point` with σ; `grams` as in `nccli.dufm.refined.hessian.Curvature`."""
        self._network, self._parts, self._grams, self._sigma = network, network.unpack(x), grams, sigma
        self._inner = [E.T @ G @ E for E, G in zip(network.E, point.G, strict=True)]
        self._coordinates = [U @ M for U, M in zip(self._parts[1:], self._inner, strict=True)]

    def __call__(self, p: Vector) -> Vector:
        """The point that the step p leads to."""
        network, steps = self._network, self._network.unpack(p)
        H = self._parts[0] + steps[0]
        found = [H.ravel()]
        for layer, E in enumerate(network.E):
            dG = (self._grams[layer] @ p[: network.cuts[layer + 1]])[network.pair]
            moved = (
                self._coordinates[layer]
                + steps[layer + 1] @ self._inner[layer]
                + self._parts[layer + 1] @ (E.T @ dG @ E)
            )
            GE = H.T @ (H @ E)
            if not np.isfinite(GE).all():  # so long a step that whoever asked refuses it
                return np.full(network.size, np.nan)
            U = self._parts[layer + 1] + steps[layer + 1]
            w, Q = np.linalg.eigh(E.T @ GE)
            U = U + ((moved @ Q - (U @ Q) * w) * (w / (w * w + _DYING**2))) @ Q.T
            found.append(U.ravel())
            Z = U @ GE.T
            H = self._sigma(Z) if layer < network.L - 1 and network.problem.has_relu[layer] else Z
        return np.concatenate(found)
