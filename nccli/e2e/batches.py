"""Which samples a step takes: a function of the seed and the step alone."""

import numpy as np
from jaxtyping import Int

from nccli.e2e.config import E2eConfig

_STREAMS = {"order": 1, "step": 2}


class Batches:
    """The batches of a run, in a new order each epoch."""

    def __init__(self, config: E2eConfig) -> None:
        """Of this run."""
        self._config = config
        self._epoch, self._order = -1, np.arange(0)

    def of_step(self, step: int) -> tuple[Int[np.ndarray, " B"], int]:
        """The samples of a step, counted from 0, and the seed of what else is drawn at it."""
        config = self._config
        epoch, place = divmod(step, config.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, generator(config.seed, "order", epoch).permutation(config.samples)
        noise = int(generator(config.seed, "step", step).integers(2**62))
        return part_of(self._order, config.steps_per_epoch, place), noise


def generator(seed: int, stream: str, number: int) -> np.random.Generator:
    """Random numbers as a function of the seed, what they are for, and the epoch or step."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, _STREAMS[stream], number])))


def part_of(values: Int[np.ndarray, " N"], parts: int, which: int) -> Int[np.ndarray, " part"]:
    """One of so many parts of nearly equal size, as np.array_split makes them."""
    size, longer = divmod(len(values), parts)
    start = which * size + min(which, longer)
    return values[start : start + size + (which < longer)]
