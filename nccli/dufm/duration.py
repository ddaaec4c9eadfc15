"""How long a batch takes, known before it starts: from trials of a fraction of a second."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from nccli.catalogue.runs import Status
from nccli.dufm.batch import Batch
from nccli.dufm.budget import flops_a_step
from nccli.dufm.compiler import is_compiled, vector_bytes
from nccli.dufm.config import DufmConfig
from nccli.dufm.ending import end_point
from nccli.dufm.native import build, sources
from nccli.dufm.placement import compiled_pays, make_steps, threads_that_pay
from nccli.dufm.saved import measured_at
from nccli.dufm.shape import Shape
from nccli.dufm.steps import Steps
from nccli.training.threads import cores

T = TypeVar("T")

_PROBE_SECONDS = 0.2
"""A taste: stepping on trial, of one batch; caches are warm after a hundredth of it."""

_REPETITIONS = 3
"""A taste."""

_ALL_SECONDS = 3.0
"""A taste: trials of all batches together; those that come later are told by the earlier ones."""

_PROBE_RUNS = 64
"""A taste: enough to occupy all cores evenly."""

_START_SECONDS = 1.5
"""Measured: loading, and making a store, took 0.8 to 1.3 s on two cores."""

_STORE_SECONDS = 0.04
"""Measured: storing a run, its structures and the losses of theory, took 0.01 to 0.04 s on two cores."""

_COMPILE_SPREAD = 3.5
"""Measured: between the quickest and the slowest kernel, of K 4 to 45, widths 4 to 256, both dtypes."""

_MARGIN = 1.3
"""A taste: what other work on the machine may slow down."""


@dataclass(frozen=True)
class _Trial:
    """Seconds of a step and of a measurement of a run, with all cores busy, and flops of a step."""

    step: float
    measurement: float
    ending: float
    flops: int


@dataclass
class Durations:
    """How long batches that are trained one after the other take at most.

    Not counted: polishing, refining, and programs that want the same cores.

    Attributes:
        device: "cpu" or "cuda".
    """

    device: str
    _trials: list[_Trial] = field(default_factory=list)
    _spent: float = 0.0
    _compile_seconds: float | None = None
    _counted: set[Shape] = field(default_factory=set)

    def at_most(self, config: DufmConfig, runs: int, steps: int) -> float:
        """Seconds for the last `steps` steps of so many runs of this shape, from loading to storing."""
        began, start = time.perf_counter(), 0.0 if self._trials or self._counted else _START_SECONDS
        compiling = self._compiling(config, runs)
        trial = self._trial(config, runs)
        self._spent += time.perf_counter() - began
        points = sum(point >= config.most_steps - steps for point in measured_at(config))
        a_run = steps * trial.step + points * trial.measurement + trial.ending + _STORE_SECONDS
        return _MARGIN * (start + compiling + runs * a_run)

    def _trial(self, config: DufmConfig, runs: int) -> _Trial:
        """From a trial of this shape; where its kernel is still to be compiled, or time is up, from those of others."""
        ready = self.device != "cpu" or not compiled_pays(config, runs, cores()) or not _missing(config)
        if not self._trials or (ready and self._spent < _ALL_SECONDS):
            trial = _tried(config, runs, self.device)
            self._trials.append(trial)
            return trial
        flops = flops_a_step(config)

        def by(known: _Trial) -> _Trial:
            larger = max(1.0, flops / known.flops)
            return _Trial(known.step * larger, known.measurement * larger, known.ending * larger, flops)

        return min(map(by, self._trials), key=lambda told: told.step)

    def _compiling(self, config: DufmConfig, runs: int) -> float:
        """Seconds of compiling what is still to be compiled; the first kernel of all is compiled for a measure."""
        if self.device != "cpu" or not compiled_pays(config, runs, cores()):
            return 0.0
        missing = [shape for shape in _missing(config) if shape not in self._counted]
        if missing and self._compile_seconds is None:
            began = time.perf_counter()
            built = build(missing[0])
            self._compile_seconds = _COMPILE_SPREAD * (time.perf_counter() - began) if built else 0.0
            missing = missing[1:]
        self._counted |= set(missing)
        return len(missing) * (self._compile_seconds or 0.0)


def seconds_a_step(config: DufmConfig, runs: int, device: str) -> float:
    """Time of one step of so many runs of this shape, from a trial of a fraction of a second."""
    steps, tried = _steps(config, runs, device)
    return _seconds_of(lambda count: steps.advance(0, min(count, config.steps)), config.steps) * max(1.0, runs / tried)


def _tried(config: DufmConfig, runs: int, device: str) -> _Trial:
    steps, tried = _steps(config, runs, device)
    step = _seconds_of(lambda count: steps.advance(0, count), config.steps)
    measured, measuring = _quickest(steps.measure)
    one = Batch.start([config.at_random]).double()
    _, ending = _quickest(lambda: end_point(one, Status.STOPPED.value, measured.run(0), None))
    return _Trial(step / tried, measuring / tried, ending, flops_a_step(config))


def _quickest(function: Callable[[], T]) -> tuple[T, float]:
    """What it returns, and its time without what is loaded at the first call or comes in between."""
    times = []
    for _ in range(_REPETITIONS):
        began = time.perf_counter()
        found = function()
        times.append(time.perf_counter() - began)
    return found, min(times)


def _steps(config: DufmConfig, runs: int, device: str) -> tuple[Steps, int]:
    """Steps of some runs of this shape, placed as all of them would be, and how many they are."""
    tried, workers = min(runs, _PROBE_RUNS), cores()
    batch = Batch.start([replace(config.at_random, seed=seed) for seed in range(tried)])
    steps = make_steps(batch, device, compiled_pays(config, runs, workers), workers, threads_that_pay(config, runs))
    steps.advance(0, 1)
    return steps, tried


def _seconds_of(advance: Callable[[int], None], most: int) -> float:
    """Of one step, by taking twice as many again and again."""
    done, count, began = 0, 1, time.perf_counter()
    while (took := time.perf_counter() - began) < _PROBE_SECONDS or not done:
        advance(min(count, most))
        done, count = done + min(count, most), 2 * count
    return took / done


def _missing(config: DufmConfig) -> list[Shape]:
    """Kernels that runs of this shape need and that are still to be compiled."""
    shapes = [Shape.of(config, vector_bytes())]
    if config.n > 1 and (config.way_down.keeps_collapsed_exactly or config.collapse_tol > 0):
        shapes.append(Shape.of(config, vector_bytes(), reduced=True))
    return [shape for shape in shapes if not is_compiled(sources(shape), shape.defines())]
