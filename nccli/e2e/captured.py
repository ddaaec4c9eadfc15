"""Steps recorded once and replayed: on a GPU a step of ResNet20 is some six hundred kernels, and one launch.

A recording repeats kernels, and nothing that Python did between them. It is only trusted where it moves the parameters
as plain steps from the same point do.
"""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from nccli.e2e.descent import Descent
from nccli.e2e.recorder import CannotCaptureError, CudaRecorder, Recorder
from nccli.e2e.steps import PlainSteps, Steps

_TOGETHER = 4
"""Steps a launch; the prototype measured 8 to be no better at batch 128, where a step is shortest."""

_WARM = 3
"""PyTorch's own advice: steps before capture."""

_APART = 0.05
"""A bound with room: of the way that plain steps go. Kernels that add in another order differ by 1e-6 or so."""

_SECONDS = 0.1
"""A taste: between two looks at whoever watches."""

_MOST = 4096


class GraphSteps:
    """Replays some steps at once, and one.

    Attributes:
        most: steps between two looks at whoever watches: about a tenth of a second.
    """

    def __init__(self, descent: Descent, recorder: Recorder) -> None:
        """Warm up, record and try; the runs are where they were afterwards.

        Raises:
            CannotCaptureError: the networks do something that a recording does not repeat.
        """
        self._descent, self._recorder = descent, recorder
        with self._undone():
            self._draws = self._warm_up()
        self._together = 1 if self._draws else _TOGETHER
        self.most = self._together
        with self._undone():
            self._replays = {length: recorder.record(self._taker(length)) for length in {1, self._together}}
        self._compare()

    def advance(self, count: int) -> None:
        """As `Steps.advance`; all of them are done when it returns."""
        began = time.perf_counter()
        self._replay(count)
        self._recorder.wait()
        if time.perf_counter() - began < _SECONDS / 2 and count == self.most:
            self.most = min(_MOST, 2 * self.most)

    def _replay(self, count: int) -> None:
        """So many steps; a recording of several never goes beyond the samples that are there."""
        descent, last = self._descent, self._descent.step + count
        while descent.step < last:
            descent.fill()
            there = min(last - descent.step, descent.ahead - descent.step % descent.ahead)
            length = self._together if there >= self._together else 1
            if self._draws:
                self._recorder.seed(descent.noise())
            self._replays[length]()
            descent.step += length

    def _taker(self, count: int) -> Callable[[], None]:
        """So many steps whose samples are there."""

        def take() -> None:
            for _ in range(count):
                self._descent.take()

        return take

    def _warm_up(self) -> bool:
        """Take steps; returns whether networks draw random numbers on the device."""
        host, places, drawn = _host_generators(), self._places(), self._recorder.drawn()
        self._recorder.warm_up(self._taker(_WARM))
        if _host_generators() != host:
            raise CannotCaptureError("it draws random numbers on the CPU")
        if self._places() != places:
            raise CannotCaptureError("it replaces its buffers instead of changing them")
        return not torch.equal(drawn, self._recorder.drawn())

    def _compare(self) -> None:
        """Refuse a recording that goes another way than plain steps: its network remembers something in Python."""
        values = self._descent.flat.values
        start, ways = values.clone(), []
        for take in (PlainSteps(self._descent).advance, self._replay):
            with self._undone():
                take(self._together)
                ways.append(values - start)
        plain, replayed = ways
        way = float(plain.norm())
        if math.isfinite(way) and not float((plain - replayed).norm()) <= _APART * way:
            raise CannotCaptureError("a replay of its steps goes another way than the steps")

    def _places(self) -> list[int]:
        """Where everything lies that a step changes."""
        return [tensor.data_ptr() for tensor in self._descent.state()]

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """What is done within leaves no trace in the runs, whether it fails or not."""
        descent = self._descent
        descent.fill()
        step, state = descent.step, descent.state()
        kept = [tensor.clone() for tensor in state]
        try:
            yield
        finally:
            self._recorder.wait()
            descent.step = step
            with torch.no_grad():
                for tensor, old in zip(state, kept, strict=True):
                    tensor.copy_(old)


def steps_of(descent: Descent, capture: bool, on_note: Callable[[str], None]) -> Steps:
    """The fastest way to take the steps of a descent here.

    Args:
        descent: of the runs.
        capture: whether steps may be recorded: on a GPU, in a process of its own.
        on_note: told why steps that could be recorded are not.

    Raises:
        torch.OutOfMemoryError: a step takes more memory than the GPU has.
    """
    if not capture:
        return PlainSteps(descent)
    try:
        return GraphSteps(descent, CudaRecorder(descent.flat.values.device))
    except CannotCaptureError as why:
        on_note(f"steps are launched kernel by kernel, since this network cannot be a CUDA graph: {why}")
        return PlainSteps(descent)


def _host_generators() -> tuple[object, ...]:
    """States of the random numbers of Python, NumPy and PyTorch on the CPU."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return random.getstate(), kind, np.asarray(keys).tobytes(), *rest, torch.get_rng_state().numpy().tobytes()
