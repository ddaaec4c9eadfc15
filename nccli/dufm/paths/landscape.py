"""The loss of the collapsed problem as a function of one vector: what paths lead through."""

from functools import cached_property

import numpy as np
from jaxtyping import Float

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.network import Network
from nccli.dufm.parameters import Parameters
from nccli.dufm.sharpness import sharpness
from nccli.dufm.start import StartPoint

Vector = Float[np.ndarray, " size"]
Vectors = Float[np.ndarray, "_ size"]
Losses = Float[np.ndarray, " _"]


class Landscape:
    """The L-DUFM at one sample a class with n λ_{H_1} for λ_{H_1} (theory sheet, section 1), in float64.

    A point is one vector: M_1ᵀ, W_1ᵀ, …, W_Lᵀ row after row.

    Attributes:
        config: of one sample a class.
        size: of a vector.
    """

    def __init__(self, config: DufmConfig, width: int) -> None:
        """Of the problem of a run, at another width."""
        kept = {name: getattr(config, name) for name in ("K", "L", "wd_layers", "activation", "epsilon", "objective")}
        self.config = DufmConfig(
            **kept, n=1, wd_h1=config.n * config.wd_h1, width=width, lr=1.0, steps=1, seed=0, dtype="float64"
        )
        K, L, d = config.K, config.L, width
        self.size = 2 * K * d + (L - 1) * d * d

    @cached_property
    def decay(self) -> Vector:
        """λ of each entry."""
        K, d = self.config.K, self.config.width
        sizes = [K * d, *[d * d] * (self.config.L - 1), d * K]
        return np.repeat([self.config.wd_h1, *self.config.wd_layers], sizes)

    def vector(self, point: StartPoint) -> Vector:
        """Of a point of this width."""
        return np.concatenate([array.T.ravel() for array in (point.means, *point.weights)]).astype(np.float64)

    def point(self, vector: Vector) -> StartPoint:
        """The inverse of `vector`."""
        parts = self._parts(vector[None])
        return StartPoint(parts.features[0].T, (*(V[0].T for V in parts.hidden), parts.last[0].T))

    def loss(self, points: Vectors) -> Losses:
        """Fit and regularisation of each point."""
        network = Network(self._batch(points))
        return np.asarray(network.fit() + network.reg())

    def slopes(self, points: Vectors) -> tuple[Losses, Vectors]:
        """Loss and gradient, where ReLU has slope 0 at 0."""
        network = Network(self._batch(points))
        by_weight, by_features = network.gradients()
        gradient = np.concatenate([part.reshape(len(points), -1) for part in (by_features, *by_weight)], axis=1)
        return np.asarray(network.fit() + network.reg()), gradient

    def sharpness(self, points: Vectors) -> float:
        """Largest curvature at any of the points."""
        return float(sharpness(self._batch(points)).max())

    def _batch(self, points: Vectors) -> Batch:
        return Batch.at((self.config,) * len(points), self._parts(points))

    def _parts(self, points: Vectors) -> Parameters:
        """The same numbers as matrices."""
        count, K, L, d = len(points), self.config.K, self.config.L, self.config.width
        features, hidden, last = np.split(points, np.cumsum([K * d, (L - 1) * d * d]), axis=1)
        return Parameters(
            features.reshape(count, K, d), hidden.reshape(count, L - 1, d, d).swapaxes(0, 1), last.reshape(count, d, K)
        )
