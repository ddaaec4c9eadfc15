"""What a noisy run draws at a step: a function of its seed and the step alone, so that one that goes on draws the same.

Random numbers come from a counter (Philox) that seed, step and purpose name, and not one after the other.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from nccli.dufm.config import DufmConfig

_ORDER, _NOISE = 1, 2
"""What random numbers are for."""


class Draws:
    """The batches and the noise of one run."""

    def __init__(self, config: DufmConfig) -> None:
        """Of this run."""
        self._config, self._N = config, config.N
        self._orders: dict[int, Int[np.ndarray, " N"]] = {}

    def samples(self, step: int) -> Int[np.ndarray, " B"]:
        """The samples of a step, counted from 0: [s·B, (s + 1)·B) of the orders of all epochs in a row.

        What an epoch has left over begins the first batch of the next, which may have a sample twice then.
        """
        B = self._config.batch_size
        assert B is not None
        begin, end = step * B, (step + 1) * B
        epochs = range(begin // self._N, -(-end // self._N))
        self._orders = {epoch: self._orders[epoch] if epoch in self._orders else self._order(epoch) for epoch in epochs}
        whole = np.concatenate([self._orders[epoch] for epoch in epochs])
        return whole[begin - epochs.start * self._N : end - epochs.start * self._N]

    def noise(self, step: int, shapes: Sequence[tuple[int, ...]]) -> list[Float[np.ndarray, "..."]]:
        """Standard normal numbers of these shapes, in the run's own precision."""
        rng = _generator(self._config.seed, _NOISE, step)
        return [rng.standard_normal(shape, dtype=np.dtype(self._config.dtype)) for shape in shapes]

    def _order(self, epoch: int) -> Int[np.ndarray, " N"]:
        return _generator(self._config.seed, _ORDER, epoch).permutation(self._N)


def _generator(seed: int, purpose: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(counter=[0, 0, 0, purpose], key=[seed, number]))
