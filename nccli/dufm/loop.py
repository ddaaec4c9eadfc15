"""The training loop: a batch of runs, measured on a schedule, each ending by itself."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from nccli.catalogue.runs import ENDED_WELL, Status
from nccli.dufm.batch import Batch
from nccli.dufm.checkpoint import Checkpoint
from nccli.dufm.ending import end_point
from nccli.dufm.measurement import Measurement
from nccli.dufm.placement import make_steps
from nccli.dufm.progress import Progress
from nccli.dufm.reduction import has_collapsed
from nccli.dufm.result import DufmResult
from nccli.dufm.saved import Saved, measured_at
from nccli.dufm.settling import run_drift
from nccli.dufm.steps import Steps
from nccli.training.stopwatch import Stopwatch
from nccli.training.threads import cores
from nccli.training.watch import Watch

_POLL_SECONDS = 0.2
"""A taste: how long an interrupted command goes on, and how often a bar moves."""

_FIRST_STRETCH = 16
"""A taste: steps before speed is known; even the largest runs take them in about a second."""


@dataclass(eq=False)
class _Group:
    """Runs of a batch that are advanced by one program.

    Attributes:
        runs: their places in the batch.
        batch: of these runs, in that order.
        steps: of the batch.
    """

    runs: list[int]
    batch: Batch
    steps: Steps


class Loop:
    """One batch on its way: the groups of runs still going, and what was measured of them."""

    def __init__(self, saved: Saved, watch: Watch[Progress], checkpoint: Checkpoint | None) -> None:
        """Go on from a state, whose arrays are changed."""
        self._now, self._watch, self._checkpoint = replace(saved, groups=()), watch, checkpoint
        self._groups: list[_Group] = []
        self._stretch = _FIRST_STRETCH
        self._clock, self._first_step, self._elapsed = Stopwatch(), saved.step, saved.elapsed
        for runs, batch in saved.groups:
            self._add(runs, batch)

    def run(self) -> Iterator[DufmResult]:
        """Take every step that is left; results as the runs end."""
        for target in measured_at(self._now.configs[0]):
            if target <= self._now.measured:
                continue
            interrupted = not self._advance(target)
            if interrupted:
                self._save()
            yield from self._measure(interrupted)
            if interrupted:
                return
            if not self._groups:
                break
        if self._checkpoint:
            self._checkpoint.remove()

    def _add(self, runs: list[int], batch: Batch) -> None:
        now = self._now
        steps = make_steps(batch, now.device, now.compiled, cores(), now.threads, self._watch.on_note)
        self._groups.append(_Group(runs, batch, steps))

    def _advance(self, target: int) -> bool:
        """Step until `target`; False when asked to stop before."""
        while self._now.step < target:
            began = time.perf_counter()
            stretch = min(self._stretch, target - self._now.step)
            for group in self._groups:
                group.steps.advance(self._now.step, stretch)
            self._now.step += stretch
            if self._should_stop():
                return False
            took = time.perf_counter() - began
            if stretch == self._stretch:
                self._stretch = max(1, int(stretch * min(2.0, _POLL_SECONDS / max(took, 1e-9))))
            self._report([run for group in self._groups for run in group.runs])
            if self._checkpoint and self._checkpoint.due:
                self._save()
        return True

    def _measure(self, interrupted: bool) -> Iterator[DufmResult]:
        """Measure every run; end those whose time has come, and reduce those that have collapsed."""
        now = self._now
        groups, self._groups = self._groups, []
        ended: list[tuple[_Group, int, str, Measurement]] = []
        parts: list[tuple[list[int], Batch]] = []
        for group in groups:
            measured = group.steps.measure()
            runs = np.array(group.runs)
            now.history.add(now.step, runs, measured, self._reported_dnc1(group, measured))
            statuses = self._statuses(runs, measured, interrupted)
            going = np.array([status is None for status in statuses])
            collapsing = going & self._collapsing(group, measured)
            now.collapsed_at[runs[collapsing]] = now.step
            now.bound[runs[collapsing]] = measured.dnc1[collapsing]
            if going.all() and not collapsing.any():
                self._groups.append(group)
                continue
            group.steps.sync()
            ended += [(group, i, status, measured) for i, status in enumerate(statuses) if status is not None]
            for mask, collapse in ((going & ~collapsing, False), (collapsing, True)):
                if mask.any():
                    parts.append(_part(group, mask, collapse))
        now.measured = now.step
        self._regroup(parts)
        for group, i, status, measured in ended:
            yield self._result(group, i, status, measured)

    def _regroup(self, parts: list[tuple[list[int], Batch]]) -> None:
        """Make groups of these parts; there is one group of reduced runs at most."""
        reduced = [part for part in parts if part[1].reduced]
        if len(reduced) + sum(group.batch.reduced for group in self._groups) > 1:
            parts = [part for part in parts if not part[1].reduced]
            for group in self._groups:
                if group.batch.reduced:
                    group.steps.sync()
                    reduced.append((group.runs, group.batch))
            self._groups = [group for group in self._groups if not group.batch.reduced]
            parts.append(([run for runs, _ in reduced for run in runs], Batch.join([batch for _, batch in reduced])))
        for part in parts:
            self._add(*part)

    def _reported_dnc1(self, group: _Group, measured: Measurement) -> Float[np.ndarray, "runs stages"]:
        """DNC1 as measured; of a reduced run, which has no within-class variability, what it was at the switch."""
        return self._now.bound[group.runs] if group.batch.reduced else measured.dnc1

    def _collapsing(self, group: _Group, measured: Measurement) -> Bool[np.ndarray, " runs"]:
        """Which runs go on as their class means from here."""
        configs = group.batch.configs
        if not self._now.reduction or group.batch.reduced or configs[0].n == 1 or self._now.step == 0:
            return np.zeros(len(configs), bool)
        return has_collapsed(configs, measured)

    def _statuses(self, runs: Int[np.ndarray, " runs"], measured: Measurement, interrupted: bool) -> list[str | None]:
        """How each run ended, None for those that go on."""
        now = self._now
        tol = np.array([now.configs[run].tol for run in runs])
        small = measured.grad_norm <= tol * now.history.first_gradient(runs)
        over = self._over(runs)
        late = Status.INTERRUPTED.value if interrupted else None
        return [
            Status.DIVERGED.value
            if not finite
            else Status.CONVERGED.value
            if converged and now.step > 0
            else Status.STOPPED.value
            if ended
            else late
            for finite, converged, ended in zip(measured.finite, small, over, strict=True)
        ]

    def _over(self, runs: Int[np.ndarray, " runs"]) -> list[bool]:
        """Whether the budget of each run has run out; until settled, of one that has settled or has no larger one."""
        now, first = self._now, self._now.configs[0]
        if now.step not in first.budgets:
            return [False] * len(runs)
        if now.step == first.most_steps:
            return [True] * len(runs)
        found = [run_drift(first, now.history.points(run)) for run in runs]
        return [drift is not None and drift.settled for drift in found]

    def _result(self, group: _Group, place: int, status: str, measured: Measurement) -> DufmResult:
        now, run = self._now, group.runs[place]
        batch = group.batch.select([place]).double()
        end = end_point(batch, status, measured.run(place), now.bound[run] if batch.reduced else None)
        fit, reg, grad_norm = (float(getattr(end.measured, name)[0]) for name in ("fit", "reg", "grad_norm"))
        collapsed_at, history = int(now.collapsed_at[run]), now.history.points(run)
        return DufmResult(
            config=now.configs[run],
            status=end.status,
            steps=now.step,
            loss=fit + reg,
            fit=fit,
            reg=reg,
            grad_norm=grad_norm,
            seconds=self._seconds,
            history=history,
            layers=end.layers,
            weights=end.weights,
            biases=end.biases,
            schatten_gap=end.schatten_gap,
            collapsed_at=None if collapsed_at < 0 else collapsed_at,
            torch_version=group.steps.torch_version,
            steps_by=group.steps.by,
            drift=run_drift(now.configs[run], history) if status in ENDED_WELL else None,
            state=end.state,
        )

    def _should_stop(self) -> bool:
        self._clock.tick()
        return self._watch.should_stop()

    def _save(self) -> None:
        """Write the state of all runs still going."""
        if self._checkpoint is None:
            return
        for group in self._groups:
            group.steps.sync()
        groups = tuple((group.runs, group.batch) for group in self._groups)
        self._checkpoint.save(replace(self._now, elapsed=self._seconds, groups=groups), self._watch.on_trouble)

    @property
    def _seconds(self) -> float:
        return self._elapsed + self._clock.tick()

    def _report(self, runs: list[int]) -> None:
        now = self._now
        self._watch.on_progress(
            Progress.of(
                now.configs,
                now.step,
                now.history.latest(np.array(runs)),
                steps_per_second=self._clock.rate(now.step - self._first_step),
            )
        )


def _part(group: _Group, mask: Bool[np.ndarray, " runs"], collapse: bool) -> tuple[list[int], Batch]:
    """Some runs of a group, as their class means if asked to."""
    places = np.flatnonzero(mask).tolist()
    batch = group.batch.select(places)
    return [group.runs[place] for place in places], batch.collapsed() if collapse else batch
