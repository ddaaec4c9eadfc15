"""Steps on a GPU: many of them captured once as a CUDA graph and launched as one.

A step of small runs is some forty kernels of a few microseconds each; launched one by one from Python they would wait
for the launches. Every step of a graph reads its pace from its own row of a buffer on the device, so that one graph
serves a whole schedule.
"""

import torch
from torch import Tensor

from nccli.dufm.engine import Engine
from nccli.dufm.measurement import Measurement, measure
from nccli.dufm.parameters import Parameters
from nccli.dufm.steps import Steps

_STEPS = 64
"""Steps a launch."""


class GraphSteps(Steps):
    """Steps of an engine that lies on a GPU."""

    def __init__(self, engine: Engine) -> None:
        """Capture nothing yet: graphs are made at the first use of their length."""
        self._engine = engine
        self._config = engine.configs[0]
        self._steady = self._config.paces(0, 1) is None
        self._paces = torch.ones(_STEPS, 3, dtype=torch.float64, device=engine.parameters.features.device)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}

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
        """Nothing to do: the graph works on the engine's parameters."""

    def measure(self) -> Measurement:
        """See `Steps.measure`."""
        return measure(self._engine)

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
        held: list[Parameters] = [self._engine.parameters, *self._engine.moments]
        return [tensor for p in held for tensor in (p.features, p.hidden, p.last)]
