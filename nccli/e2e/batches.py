"""Which samples a step takes: a function of the seed and the step alone."""

import numpy as np
from jaxtyping import Int

from nccli.e2e.config import E2eConfig

_STREAMS = {"order": 1, "step": 2}


class Batches:
    """The batches of a run, all of one size: batch s is samples [s·B, (s + 1)·B) of the orders of all epochs in a row.

    What an epoch has left over begins the first batch of the next.
    """

    def __init__(self, config: E2eConfig) -> None:
        """Of this run."""
        self._config = config
        self._orders: dict[int, Int[np.ndarray, " N"]] = {}

    def of_step(self, step: int) -> tuple[Int[np.ndarray, " B"], int]:
        """The samples of a step, counted from 0, and the seed of what else is drawn at it."""
        return self.of_steps(step, 1)[0], self.noise(step)

    def of_steps(self, first: int, count: int) -> Int[np.ndarray, "count B"]:
        """The samples of so many steps, a row a step."""
        B, N = self._config.batch, self._config.samples
        begin, end = first * B, (first + count) * B
        epochs = range(begin // N, -(-end // N))
        self._orders = {epoch: self._orders[epoch] if epoch in self._orders else self._order(epoch) for epoch in epochs}
        whole = np.concatenate([self._orders[epoch] for epoch in epochs])
        return whole[begin - epochs.start * N : end - epochs.start * N].reshape(count, B)

    def noise(self, step: int) -> int:
        """The seed of what else is drawn at a step."""
        return int(generator(self._config.seed, "step", step).integers(2**62))

    def _order(self, epoch: int) -> Int[np.ndarray, " N"]:
        return generator(self._config.seed, "order", epoch).permutation(self._config.samples)


def generator(seed: int, stream: str, number: int) -> np.random.Generator:
    """Random numbers as a function of the seed, what they are for, and the epoch or step."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, _STREAMS[stream], number])))


def part_of(values: Int[np.ndarray, " N"], parts: int, which: int) -> Int[np.ndarray, " part"]:
    """One of so many parts of nearly equal size, as np.array_split makes them."""
    size, longer = divmod(len(values), parts)
    start = which * size + min(which, longer)
    return values[start : start + size + (which < longer)]
