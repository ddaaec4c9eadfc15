"""The training loop: a batch of runs, measured on a schedule, each ending by itself."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from nccli.dufm.config import DufmConfig
from nccli.dufm.engine import Engine
from nccli.dufm.native import cores, native_steps
from nccli.dufm.result import DufmResult, HistoryPoint
from nccli.errors import InputError
from nccli.metrics import class_means, dnc1, measure_layers, numerical_rank, singular_values

_LINEAR_POINTS = 100
_LOG_RATIO = 1.3
_POLL_SECONDS = 0.2
_FLOPS_TO_SHARE = 2e7


@dataclass(frozen=True)
class Progress:
    """State of a batch, for whoever watches.

    Attributes:
        step: gradient steps taken by the runs still going.
        steps: step budget.
        active: runs still going, of `runs`.
        runs: runs of the batch.
        loss: their mean loss at the latest measurement.
        dnc1: their largest DNC1 over layers 2..L at the latest measurement.
        rank: their mean rank over hidden layers 2..L−1 (for L = 2, of Mt_2) at the latest measurement.
        steps_per_second: of the batch, so far.
    """

    step: int
    steps: int
    active: int
    runs: int
    loss: float
    dnc1: float
    rank: float
    steps_per_second: float

    @property
    def seconds_left(self) -> float:
        """At the present speed, if no run ends early."""
        return (self.steps - self.step) / self.steps_per_second


def choose_device(name: str) -> str:
    """Resolve "auto", "cpu" or "cuda" to the device that is used.

    Raises:
        InputError: an unknown name, or "cuda" where torch sees no GPU.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"device '{name}': must be auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda': torch sees no GPU here; use --device cpu or auto")
    return "cuda" if name != "cpu" and torch.cuda.is_available() else "cpu"


def measure_steps(budget: int) -> list[int]:
    """Steps at which a run is measured: 0, then log-spaced, then every budget/100, the budget itself last."""
    spacing = max(1, budget // _LINEAR_POINTS)
    steps, step = [0], 1
    while step < budget:
        steps.append(step)
        step += max(1, min(spacing, int(step * (_LOG_RATIO - 1))))
    return [*steps, budget]


def train(
    configs: Sequence[DufmConfig],
    device: str = "cpu",
    on_progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[DufmResult]:
    """Train a batch of runs by full-batch gradient descent (theory sheet, section 1).

    A run that diverges or converges leaves the batch; the others go on.

    Args:
        configs: at least one, with equal `batch_key`.
        device: "cpu" or "cuda".
        on_progress: called after each stretch of steps.
        should_stop: polled between steps, several times a second; once it holds, all runs end as "interrupted".

    Yields:
        Each run's result as soon as the run ends.

    Raises:
        InputError: configurations that cannot share a batch.
    """
    if len({config.batch_key for config in configs}) != 1:
        raise InputError("runs of different shapes cannot be trained in one batch")
    workers = cores()
    with torch.no_grad(), threads_for(configs):
        yield from _Loop(configs, device, workers, on_progress, should_stop).run()


@contextmanager
def threads_for(configs: Sequence[DufmConfig]) -> Iterator[None]:
    """One thread where a product is too small to share: threads that wait for each other cost more than they give.

    On a machine that others use too, two threads on a product of 50 microseconds made a step 20 times slower.
    """
    first, before = configs[0], torch.get_num_threads()
    flops = 2 * len(configs) * first.n * first.K * first.width**2
    if flops < _FLOPS_TO_SHARE:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Loop:
    """One batch on its way: the engine of the runs still going, and what was measured of them."""

    def __init__(
        self,
        configs: Sequence[DufmConfig],
        device: str,
        workers: int,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._workers = workers
        self._use(Engine.start(configs, device))
        self._labels = self._engine.labels().cpu().numpy()
        self._history: list[list[HistoryPoint]] = [[] for _ in configs]
        self._runs, self._budget = len(configs), configs[0].steps
        self._on_progress, self._should_stop = on_progress, should_stop
        self._step = 0
        self._stretch = 16
        self._started = time.perf_counter()

    def run(self) -> Iterator[DufmResult]:
        for target in measure_steps(self._budget):
            interrupted = not self._advance(target)
            yield from self._measure(interrupted)
            if not self._history or interrupted:
                return

    def _use(self, engine: Engine) -> None:
        """Go on with this engine, by compiled steps where there are any."""
        self._engine = engine
        self._take_steps: Callable[[int], None] = native_steps(engine, self._workers) or engine.advance

    def _advance(self, target: int) -> bool:
        """Step until `target`; False when asked to stop before."""
        while self._step < target:
            began = time.perf_counter()
            stretch = min(self._stretch, target - self._step)
            self._take_steps(stretch)
            self._step += stretch
            if self._should_stop():
                return False
            took = time.perf_counter() - began
            if stretch == self._stretch:
                self._stretch = max(1, int(stretch * min(2.0, _POLL_SECONDS / max(took, 1e-9))))
            self._report()
        return True

    def _measure(self, interrupted: bool) -> Iterator[DufmResult]:
        """Add a point to every history; end the runs whose time has come and take them out of the batch."""
        double = self._engine.double()
        evaluation = double.evaluate()
        fit, reg, grad = (t.cpu().numpy() for t in (evaluation.fit, evaluation.reg, evaluation.grad_norm))
        finite = np.isfinite(fit) & np.isfinite(reg) & np.isfinite(grad)
        collapse, ranks = self._layer_history(double, finite)
        staying = []
        for i, config in enumerate(self._engine.configs):
            point = HistoryPoint(
                self._step, float(fit[i] + reg[i]), float(fit[i]), float(reg[i]), float(grad[i]), collapse[i], ranks[i]
            )
            if finite[i]:
                self._history[i].append(point)
            status = self._status(config, self._history[i], bool(finite[i]), interrupted)
            if status is None:
                staying.append(i)
            else:
                yield self._result(i, status, point)
        if len(staying) < len(self._history):
            self._history = [self._history[i] for i in staying]
            if staying:
                self._use(self._engine.select(staying))

    def _status(self, config: DufmConfig, history: list[HistoryPoint], finite: bool, interrupted: bool) -> str | None:
        """How a run ended, or None if it goes on."""
        if not finite:
            return "diverged"
        if self._step > 0 and history[-1].grad_norm <= config.tol * history[0].grad_norm:
            return "converged"
        if self._step >= self._budget:
            return "stopped"
        return "interrupted" if interrupted else None

    def _layer_history(
        self, double: Engine, finite: np.ndarray
    ) -> tuple[list[tuple[float, ...]], list[tuple[int, ...]]]:
        """DNC1 and rank of every run, by layer and stage; empty tuples for runs that are not finite."""
        rows = np.flatnonzero(finite)
        collapse: list[tuple[float, ...]] = [()] * len(finite)
        ranks: list[tuple[int, ...]] = [()] * len(finite)
        by_stage_collapse, by_stage_rank = [], []
        for _, _, X in double.stages():
            features = X.cpu().numpy()[rows]
            by_stage_collapse.append(dnc1(features, self._labels))
            by_stage_rank.append(numerical_rank(singular_values(class_means(features, self._labels))))
        for position, row in enumerate(rows):
            collapse[row] = tuple(float(values[position]) for values in by_stage_collapse)
            ranks[row] = tuple(int(values[position]) for values in by_stage_rank)
        return collapse, ranks

    def _result(self, index: int, status: str, point: HistoryPoint) -> DufmResult:
        layers = []
        if status != "diverged":
            engine = self._engine.select([index]).double()
            stages = [(layer, stage, X[0].cpu().numpy()) for layer, stage, X in engine.stages()]
            p = engine.parameters
            weights = [*(V[0].T.cpu().numpy() for V in p.hidden), p.last[0].T.cpu().numpy()]
            layers = measure_layers(stages, self._labels, weights)
        return DufmResult(
            config=self._engine.configs[index],
            status=status,
            steps=self._step,
            loss=point.loss,
            fit=point.fit,
            reg=point.reg,
            grad_norm=point.grad_norm,
            seconds=time.perf_counter() - self._started,
            history=tuple(self._history[index]),
            layers=layers,
        )

    def _report(self) -> None:
        latest = [history[-1] for history in self._history]
        hidden = slice(2, -2) if len(latest[0].rank) > 3 else slice(1, 2)
        self._on_progress(
            Progress(
                step=self._step,
                steps=self._budget,
                active=len(latest),
                runs=self._runs,
                loss=float(np.mean([p.loss for p in latest])),
                dnc1=float(np.max([p.dnc1[1:] for p in latest])),
                rank=float(np.mean([p.rank[hidden] for p in latest])),
                steps_per_second=self._step / (time.perf_counter() - self._started),
            )
        )
