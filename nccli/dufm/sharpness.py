"""How strongly the loss is curved at a point: what bounds the step size of descent there, whatever step led to it."""

import numpy as np
from jaxtyping import Float

from nccli.dufm.activation import activate
from nccli.dufm.arrays import Array, square_sums
from nccli.dufm.batch import Batch
from nccli.dufm.network import per_run, sums_over_samples, targets

_ITERATIONS = 30
"""Measured: at the ends of 50 runs at Figure 2's settings they give the value of 300 iterations to 2 %."""


def sharpness(batch: Batch) -> Float[np.ndarray, " runs"]:
    """Largest eigenvalue in size of the Hessian of the loss, by power iteration from one fixed direction.

    With class means for features (`Batch.collapsed`) it is that of the n-sample problem along collapsed directions, so
    that gradient descent is stable below a step size of 2/sharpness in both forms. Every ReLU keeps its side: kinks
    have no curvature, and that of ReLU_ε between 0 and ε is left out.

    Args:
        batch: NumPy arrays; it is not changed.

    Returns:
        At least the largest λ, which is the curvature at the zero network; nan where the point is not finite.
    """
    with np.errstate(all="ignore"):
        around = _Linearised(batch.double())
        rng = np.random.Generator(np.random.Philox(0))
        direction = [np.broadcast_to(rng.standard_normal(p.shape[1:]), p.shape) for p in around.point]
        found = np.zeros(len(batch.configs))
        for _ in range(_ITERATIONS):
            size = around.norm(direction)
            direction = around.hessian([p / size[:, None, None] for p in direction])
            found = around.norm(direction)
    least = np.array([max(config.wd_h1, *config.wd_layers) for config in batch.configs])
    return np.asarray(np.maximum(found, least))


class _Linearised:
    """The gradient as a function of X_1, V_1, …, V_L near a point, every ReLU on its side."""

    def __init__(self, batch: Batch) -> None:
        self.point = batch.parameters.all
        self._batch, first = batch, batch.configs[0]
        self._aim, self._slopes = first.aim, list[Array | None]()
        X, *weights = self.point
        self._inputs = [X]
        for layer, V in enumerate(weights[:-1], 2):
            active, slope = activate(first, layer, self._inputs[-1] @ V)
            self._inputs.append(active)
            self._slopes.append(slope)
        self._output = self._inputs[-1] @ weights[-1]
        self._signal = self._aim.residual(self._output, per_run(targets(first, batch.rows), X)) / batch.divisor
        self._wd = np.array([(config.wd_h1, *config.wd_layers) for config in batch.configs]).T[:, :, None, None]

    def norm(self, direction: list[Float[np.ndarray, "runs _ _"]]) -> Float[np.ndarray, " runs"]:
        """Frobenius norm over all samples and weights."""
        features, *weights = direction
        total: Float[np.ndarray, " runs"] = sums_over_samples(features, self._batch.copies)
        for part in weights:
            total = total + square_sums(part)
        return np.asarray(np.sqrt(total))

    def hessian(self, direction: list[Float[np.ndarray, "runs _ _"]]) -> list[Float[np.ndarray, "runs _ _"]]:
        """Derivative along a direction of what `Network.gradients` gives, X_1 first."""
        turn, *changes = direction
        weights = self.point[1:]
        turns = [turn]
        for V, dV, X, slope in zip(weights, changes, self._inputs, [*self._slopes, None], strict=True):
            turns.append(_times(turns[-1] @ V + X @ dV, slope))
        signal, bent = self._signal, self._aim.curvature(self._output, turns.pop()) / self._batch.divisor
        found = []
        for i in range(len(weights) - 1, -1, -1):
            X, V, dV = self._inputs[i], weights[i], changes[i]
            found.append(turns[i].swapaxes(1, 2) @ signal + X.swapaxes(1, 2) @ bent + self._wd[i + 1] * dV)
            slope = self._slopes[i - 1] if i else None
            signal, bent = (
                _times(signal @ V.swapaxes(1, 2), slope),
                _times(bent @ V.swapaxes(1, 2) + signal @ dV.swapaxes(1, 2), slope),
            )
        found.append(bent / self._batch.copies + self._wd[0] * turn)
        return found[::-1]


def _times(array: Array, slope: Array | None) -> Array:
    return array if slope is None else array * slope
