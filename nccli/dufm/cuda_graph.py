"""Steps on a GPU: many of them captured once as a CUDA graph and launched as one.

A step of small runs is some forty kernels of a few microseconds each; launched one by one from Python they would wait
for the launches. Every step of a graph reads its pace from its own row of a buffer on the device, so that one graph
serves a whole schedule.
"""

import torch
from torch import Tensor

from nccli.catalogue.runs import StepsBy
from nccli.dufm.arrays import numpy_array
from nccli.dufm.batch import Batch
from nccli.dufm.engine import Engine
from nccli.dufm.measurement import Measurement, measure
from nccli.dufm.steps import Steps

_STEPS = 64
"""Steps a launch. A taste: enough that a launch costs nothing beside them, few enough to capture in a moment."""


class GraphSteps(Steps):
    """Steps of a copy of the batch on a GPU."""

    by = StepsBy.GRAPH
    torch_version = str(torch.__version__)

    def __init__(self, batch: Batch, device: str = "cuda") -> None:
        """Capture nothing yet: graphs are made at the first use of their length."""
        self._batch, self._engine = batch, Engine.of(batch, device)
        self._config = batch.configs[0]
        self._steady = self._config.paces(0, 1) is None
        numbers = 1 + self._config.way_down.numbers_a_step
        self._paces = torch.ones(_STEPS, numbers, dtype=torch.float64, device=device)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}

    @torch.no_grad()
    def advance(self, first: int, count: int) -> None:
        """See `Steps.advance`."""
        done = 0
        while done < count:
            length = _STEPS if count - done >= _STEPS else 1
            paces = self._config.paces(first + done, length)
            if paces is not None:
                self._paces[:length].copy_(torch.from_numpy(paces))
            self._graph(length).replay()
            done += length
        torch.cuda.synchronize(self._paces.device)

    def sync(self) -> None:
        """See `Steps.sync`."""
        for here, there in zip(self._batch.held, self._engine.batch.held, strict=True):
            for array, tensor in zip(here.stored, there.stored, strict=True):
                array[...] = numpy_array(tensor)

    def measure(self) -> Measurement:
        """See `Steps.measure`."""
        return measure(self._engine.batch)

    def _graph(self, length: int) -> torch.cuda.CUDAGraph:
        """So many steps as a graph. Warming up moves the runs, so the point is kept and put back."""
        if length not in self._graphs:
            state = self._state()
            kept = [tensor.clone() for tensor in state]
            stream = torch.cuda.Stream(self._paces.device)  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream(self._paces.device))
            with torch.cuda.stream(stream):
                self._take(2)
            torch.cuda.current_stream(self._paces.device).wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._take(length)
            for tensor, before in zip(state, kept, strict=True):
                tensor.copy_(before)
            self._graphs[length] = graph
        return self._graphs[length]

    def _take(self, count: int) -> None:
        for i in range(count):
            if self._steady:
                self._engine.step()
            else:
                self._engine.step(self._paces[i])

    def _state(self) -> list[Tensor]:
        return [tensor for held in self._engine.batch.held for tensor in held.stored]
