"""Steps by PyTorch on the CPU, one after the other: where there is no compiler, and for a few large runs."""

import torch

from nccli.catalogue.runs import StepsBy
from nccli.dufm.batch import Batch
from nccli.dufm.engine import Engine
from nccli.dufm.measurement import Measurement, measure
from nccli.dufm.steps import Steps
from nccli.training.threads import threads


class PlainSteps(Steps):
    """`Engine.step`, one after the other."""

    by = StepsBy.TORCH
    torch_version = str(torch.__version__)

    def __init__(self, batch: Batch, number_of_threads: int = 1) -> None:
        """The batch to advance, and threads for its products."""
        self._batch, self._engine, self._threads = batch, Engine.of(batch), number_of_threads

    def advance(self, first: int, count: int) -> None:
        """See `Steps.advance`."""
        paces = self._batch.configs[0].paces(first, count)
        with threads(self._threads):
            self._engine.advance(count, None if paces is None else paces.tolist())

    def sync(self) -> None:
        """Nothing to do: steps happen in the memory of the batch."""

    def measure(self) -> Measurement:
        """See `Steps.measure`."""
        return measure(self._batch)
