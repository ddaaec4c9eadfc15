"""The training loop: a batch of runs, measured on a schedule, each ending by itself."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from nccli.catalogue.stages import stages
from nccli.dufm.checkpoint import Saved
from nccli.dufm.collapsed import CollapsedProblem
from nccli.dufm.config import DufmConfig
from nccli.dufm.engine import Engine
from nccli.dufm.history import Histories
from nccli.dufm.measurement import Measurement, measure
from nccli.dufm.parameters import Parameters, moment_count
from nccli.dufm.placement import compiled_pays, make_steps, threads_that_pay
from nccli.dufm.reduction import has_collapsed
from nccli.dufm.refine import refine
from nccli.dufm.result import DufmResult, Refinement
from nccli.dufm.steps import Steps
from nccli.dufm.watch import Progress, Watch
from nccli.metrics import LayerMetrics, measure_layers
from nccli.training.measure_points import measure_steps
from nccli.training.threads import cores, threads

_POLL_SECONDS = 0.2


@dataclass(eq=False)
class _Group:
    """Runs of a batch that are advanced by one program.

    Attributes:
        runs: their places in the batch.
        engine: of these runs, in that order.
        steps: of the engine.
    """

    runs: list[int]
    engine: Engine
    steps: Steps


class Loop:
    """One batch on its way: the groups of runs still going, and what was measured of them."""

    def __init__(self, configs: tuple[DufmConfig, ...], device: str, reduction: bool) -> None:
        """Without runs yet: use `start` or `resume`."""
        first = configs[0]
        self._configs, self._device, self._reduction = configs, device, reduction
        self._budget = first.steps
        self._groups: list[_Group] = []
        self._targets = measure_steps(self._budget)
        self._history = Histories(len(configs), len(self._targets), len(stages(first.L)))
        self._collapsed_at = np.full(len(configs), -1)
        self._bound = np.zeros((len(configs), len(stages(first.L))))
        self._step, self._measured = 0, -1
        self._workers = cores()
        self._compiled = compiled_pays(first, len(configs), self._workers)
        self._threads = threads_that_pay(first, len(configs))
        self._stretch = 16
        self._elapsed, self._refining = 0.0, 0
        self._started, self._first_step = time.perf_counter(), 0

    @classmethod
    def start(cls, configs: Sequence[DufmConfig], device: str, reduction: bool) -> "Loop":
        """At the runs' initial points."""
        loop = cls(tuple(configs), device, reduction)
        loop._add(list(range(len(configs))), Engine.start(configs, device))
        return loop

    @classmethod
    def resume(cls, saved: Saved, wanted: Sequence[DufmConfig]) -> "Loop":
        """Where the wanted runs of a checkpoint are."""
        header, arrays = saved.header, saved.arrays
        loop = cls(saved.configs, header["device"], header["reduction"])
        loop._step, loop._measured = header["step"], header["measured"]
        loop._compiled, loop._threads, loop._elapsed = header["compiled"], header["threads"], header["elapsed"]
        loop._first_step = loop._step
        loop._history = Histories.of(
            {name.removeprefix("history_"): a for name, a in arrays.items() if name.startswith("history_")},
            len(loop._targets),
        )
        loop._collapsed_at, loop._bound = arrays["collapsed_at"].copy(), arrays["bound"].copy()
        asked = set(wanted)
        for index, reduced in enumerate(header["groups"]):
            runs = arrays[f"group{index}_runs"].tolist()
            held = [
                Parameters(*(torch.from_numpy(arrays[f"group{index}_{which}_{part}"].copy()) for part in range(3)))
                for which in range(1 + moment_count(saved.configs[0]))
            ]
            moved = [p.each(lambda t: t.to(loop._device)) for p in held]
            engine = Engine([loop._configs[run] for run in runs], moved[0], moved[1:], reduced)
            kept = [i for i, run in enumerate(runs) if loop._configs[run] in asked]
            if kept:
                loop._add([runs[i] for i in kept], engine.select(kept))
        return loop

    def run(self, watch: Watch) -> Iterator[DufmResult]:
        """Take every step that is left; results as the runs end."""
        with threads(self._threads):
            for target in self._targets:
                if target <= self._measured:
                    continue
                interrupted = not self._advance(target, watch)
                if interrupted and watch.checkpoint:
                    self._save(watch)
                yield from self._measure(interrupted, watch)
                if interrupted:
                    return
                if not self._groups:
                    break
        if watch.checkpoint:
            watch.checkpoint.remove()

    def _add(self, runs: list[int], engine: Engine) -> None:
        self._groups.append(_Group(runs, engine, make_steps(engine, self._compiled, self._workers)))

    def _advance(self, target: int, watch: Watch) -> bool:
        """Step until `target`; False when asked to stop before."""
        while self._step < target:
            began = time.perf_counter()
            stretch = min(self._stretch, target - self._step)
            for group in self._groups:
                group.steps.advance(self._step, stretch)
            self._step += stretch
            if watch.should_stop():
                return False
            took = time.perf_counter() - began
            if stretch == self._stretch:
                self._stretch = max(1, int(stretch * min(2.0, _POLL_SECONDS / max(took, 1e-9))))
            self._report(watch, [run for group in self._groups for run in group.runs])
            if watch.checkpoint and watch.checkpoint.due:
                self._save(watch)
        return True

    def _measure(self, interrupted: bool, watch: Watch) -> Iterator[DufmResult]:
        """Measure every run; end those whose time has come, and reduce those that have collapsed."""
        groups, self._groups = self._groups, []
        ended: list[tuple[_Group, int, str, Measurement]] = []
        parts: list[tuple[list[int], Engine]] = []
        for group in groups:
            measured = group.steps.measure()
            runs = np.array(group.runs)
            self._history.add(self._step, runs, measured, self._reported_dnc1(group, measured))
            statuses = self._statuses(runs, measured, interrupted)
            going = np.array([status is None for status in statuses])
            collapsing = going & self._collapsing(group, measured)
            self._collapsed_at[runs[collapsing]] = self._step
            self._bound[runs[collapsing]] = measured.dnc1[collapsing]
            if going.all() and not collapsing.any():
                self._groups.append(group)
                continue
            group.steps.sync()
            ended += [(group, i, status, measured) for i, status in enumerate(statuses) if status is not None]
            for mask, collapse in ((going & ~collapsing, False), (collapsing, True)):
                if mask.any():
                    parts.append(_part(group, mask, collapse))
        self._measured = self._step
        self._regroup(parts)
        for group, i, status, measured in ended:
            yield self._result(group, i, status, measured, watch)

    def _regroup(self, parts: list[tuple[list[int], Engine]]) -> None:
        """Make groups of these parts; there is one group of reduced runs at most."""
        reduced = [part for part in parts if part[1].reduced]
        if len(reduced) + sum(group.engine.reduced for group in self._groups) > 1:
            parts = [part for part in parts if not part[1].reduced]
            for group in self._groups:
                if group.engine.reduced:
                    group.steps.sync()
                    reduced.append((group.runs, group.engine))
            self._groups = [group for group in self._groups if not group.engine.reduced]
            runs = [run for part in reduced for run in part[0]]
            parts.append((runs, Engine.join([engine for _, engine in reduced])))
        for part in parts:
            self._add(*part)

    def _reported_dnc1(self, group: _Group, measured: Measurement) -> Float[np.ndarray, "runs stages"]:
        """DNC1 as measured; of a reduced run, which has no within-class variability, what it was at the switch."""
        return self._bound[group.runs] if group.engine.reduced else measured.dnc1

    def _collapsing(self, group: _Group, measured: Measurement) -> Bool[np.ndarray, " runs"]:
        """Which runs go on as their class means from here."""
        if not self._reduction or group.engine.reduced or self._configs[0].n == 1 or self._step == 0:
            return np.zeros(len(group.runs), bool)
        return has_collapsed([self._configs[run] for run in group.runs], measured)

    def _statuses(self, runs: Int[np.ndarray, " runs"], measured: Measurement, interrupted: bool) -> list[str | None]:
        """How each run ended, None for those that go on."""
        tol = np.array([self._configs[run].tol for run in runs])
        small = measured.grad_norm <= tol * self._history.first_gradient(runs)
        late = "stopped" if self._step >= self._budget else "interrupted" if interrupted else None
        return [
            "diverged" if not finite else "converged" if converged and self._step > 0 else late
            for finite, converged in zip(measured.finite, small, strict=True)
        ]

    def _result(self, group: _Group, place: int, status: str, measured: Measurement, watch: Watch) -> DufmResult:
        run = group.runs[place]
        config = self._configs[run]
        engine = group.engine.select([place]).double()
        refinement = None
        if config.refine and status in ("converged", "stopped"):
            self._refining += 1
            self._report(watch, [run])
            refined = _refined(config, engine, watch)
            if refined is None:
                status = "interrupted"
            else:
                engine, refinement = refined
                measured, place = measure(engine), 0
                small = refinement.residual <= config.tol * self._history.first_gradient(np.array([run]))[0]
                status = "converged" if small else "stopped"
        fit, reg = float(measured.fit[place]), float(measured.reg[place])
        collapsed_at = int(self._collapsed_at[run])
        bound = self._bound[run] if group.engine.reduced and refinement is None else None
        return DufmResult(
            config=config,
            status=status,
            steps=self._step,
            loss=fit + reg,
            fit=fit,
            reg=reg,
            grad_norm=float(measured.grad_norm[place]),
            seconds=self._seconds,
            history=self._history.points(run),
            layers=[] if status == "diverged" else _layers(engine, bound),
            collapsed_at=None if collapsed_at < 0 else collapsed_at,
            refinement=refinement,
        )

    def _save(self, watch: Watch) -> None:
        """Write the state of all runs still going."""
        assert watch.checkpoint is not None
        arrays: dict[str, Any] = {f"history_{name}": array for name, array in self._history.arrays().items()}
        arrays |= {"collapsed_at": self._collapsed_at, "bound": self._bound}
        for index, group in enumerate(self._groups):
            group.steps.sync()
            arrays[f"group{index}_runs"] = np.array(group.runs)
            for which, p in enumerate((group.engine.parameters, *group.engine.moments)):
                for part, tensor in enumerate((p.features, p.hidden, p.last)):
                    arrays[f"group{index}_{which}_{part}"] = tensor.cpu().numpy()
        header = {
            "device": self._device,
            "reduction": self._reduction,
            "step": self._step,
            "measured": self._measured,
            "compiled": self._compiled,
            "threads": self._threads,
            "elapsed": self._seconds,
            "groups": [group.engine.reduced for group in self._groups],
        }
        try:
            watch.checkpoint.save(self._configs, header, arrays)
        except OSError as error:
            watch.on_trouble(f"the checkpoint {watch.checkpoint.path} cannot be written: {error.strerror}")

    @property
    def _seconds(self) -> float:
        return self._elapsed + time.perf_counter() - self._started

    def _report(self, watch: Watch, runs: list[int]) -> None:
        loss, dnc1, rank = self._history.latest(np.array(runs))
        hidden = slice(2, -2) if rank.shape[1] > 3 else slice(1, 2)
        watch.on_progress(
            Progress(
                step=self._step,
                steps=self._budget,
                active=len(loss),
                runs=len(self._configs),
                loss=float(np.mean(loss)),
                dnc1=float(np.max(dnc1[:, 1:])),
                rank=float(np.mean(rank[:, hidden])),
                steps_per_second=(self._step - self._first_step) / (time.perf_counter() - self._started),
                refining=self._refining,
            )
        )


def _part(group: _Group, mask: Bool[np.ndarray, " runs"], collapse: bool) -> tuple[list[int], Engine]:
    """Some runs of a group, as their class means if asked to."""
    places = np.flatnonzero(mask).tolist()
    engine = group.engine.select(places)
    return [group.runs[place] for place in places], engine.collapsed() if collapse else engine


def _layers(engine: Engine, bound: Float[np.ndarray, " stages"] | None) -> list[LayerMetrics]:
    """Metrics of an engine with one run; DNC1 is `bound`, where there is one."""
    features = [(layer, stage, X[0].cpu().numpy()) for layer, stage, X in engine.stages()]
    weights = [V[0].T.cpu().numpy() for V in engine.parameters.tensors[1:]]
    layers = measure_layers(features, engine.labels().cpu().numpy(), weights)
    if bound is None:
        return layers
    return [layer.with_values(dnc1=dnc1) for layer, dnc1 in zip(layers, bound.tolist(), strict=True)]


def _refined(config: DufmConfig, engine: Engine, watch: Watch) -> tuple[Engine, Refinement] | None:
    """A run refined from its class means; None if asked to stop. The dense algebra uses all cores of the CPU."""
    means = engine if engine.reduced else engine.collapsed()
    X, *V = (t[0].cpu() for t in means.parameters.tensors)
    with threads(cores()):
        found = refine(CollapsedProblem(config.K, config.n, (config.wd_h1, *config.wd_layers)), X, V, watch.should_stop)
    if found is None:
        return None
    *hidden, last = (V[None] for V in found.weights)
    point = Parameters(found.features[None], torch.stack(hidden), last)
    return Engine([config], point, reduced=True), Refinement(
        found.residual, found.kinks, found.radius, found.iterations
    )
