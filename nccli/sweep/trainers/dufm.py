"""Runs of the L-DUFM as jobs: batches, their states on disk, and their results as the store keeps them."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nccli.catalogue.runs import Finish, Status
from nccli.dufm.config import DufmConfig
from nccli.dufm.targets import as_text, make_text_known
from nccli.store import BIASES, FEATURES, MOMENTS, WEIGHTS, FinishedRun, Store
from nccli.sweep.ends import ends_of, stored_ends
from nccli.sweep.job import Job, Part
from nccli.sweep.job_size import JobSize
from nccli.sweep.kept import KEPT_BYTES, state_bytes, weight_bytes
from nccli.sweep.plan import id_of
from nccli.sweep.run_columns import columns_at, provenance
from nccli.training.device import choose_device
from nccli.training.paced_file import Complaints
from nccli.training.watch import Watch

if TYPE_CHECKING:
    from nccli.dufm.result import DufmResult, HistoryPoint
    from nccli.sweep.trainers.states import Found

_ROW = ("width", "lr", "seed", "activation", "dtype", "optimizer")


class DufmTrainer:
    """Trains batches of runs on the full-batch loss.

    Attributes:
        reduction: as `nccli.dufm.train.train` takes it; a state that was made otherwise is left alone.
        keep: what of a run is kept beside what always is: "weights" however large they are, "trajectory".
        points: that runs begin at, as text (`StartPoint.as_text`) by fingerprint.
        targets: of runs that are not held to one-hot ones, as text (`nccli.dufm.targets.as_text`); it makes them known.
    """

    def __init__(
        self,
        device: str = "auto",
        reduction: bool = True,
        keep: Collection[str] = (),
        points: Mapping[str, str] | None = None,
        ends: Mapping[str, Mapping[str, Any]] | None = None,
        targets: Sequence[str] = (),
    ) -> None:
        """On "auto", "cpu" or "cuda"; which one that is, is asked when it matters, unless `trains_on` says so."""
        self._asked, self.reduction = device, reduction
        self.keep, self.points = frozenset(keep), dict(points or {})
        self._ends = dict(ends or {})
        for text in targets:
            make_text_known(text)
        self._told: set[str] = set()
        self._complaints = Complaints()

    @classmethod
    def of(cls, job: Job[DufmConfig]) -> "DufmTrainer":
        """The trainer that a job asks for."""
        return cls(job.device, **job.options)

    def trains_on(self, device: str) -> None:
        """Take it that jobs are carried out on machines that have this device."""
        self.device = device

    @cached_property
    def device(self) -> str:
        """Where runs are trained, "cpu" or "cuda".

        Raises:
            InputError: it is not there.
        """
        return choose_device(self._asked)

    def jobs(
        self,
        configs: Sequence[DufmConfig],
        states: Path,
        on_trouble: Callable[[str], None],
        size: JobSize | None = None,
    ) -> list[Job[DufmConfig]]:
        """Runs of one state on disk stay together; the others are batches of one shape, as large as pays.

        Raises:
            InputError: a device that is not there, or a run that does not fit into memory.
        """
        from nccli.sweep.trainers.batch_size import batches

        found = [(each.wanted, each.saved.step) for each in self._states(configs, states, on_trouble)]
        saved = {config for wanted, _ in found for config in wanted}
        new = [config for config in configs if config not in saved]
        found += [(batch, 0) for batch in batches(new, self.device, self._trajectory, size)]
        jobs, first = [], 0
        for number, (batch, step) in enumerate(found):
            part = Part(number, len(found), first, len(configs))
            jobs.append(Job(batch, self.device, states, self._options(batch), part, step))
            first += len(batch)
        return jobs

    def earlier(self, configs: Sequence[DufmConfig]) -> list[DufmConfig]:
        """The descents whose ends are polished or refined, but for those whose ends are known."""
        plain = (config.plain for config in configs if config.finishes)
        return [config for config in dict.fromkeys(plain) if id_of(config) not in self._ends]

    def processes(self, runs: int) -> int:
        """One: a batch keeps all cores busy, and a GPU more so than several would."""
        return 1

    def useless(self, store: Store, ids: Sequence[str]) -> list[str]:
        """Descents that are stored without the weights of their ends."""
        return [key for key, end in ends_of(store, ids).items() if end.is_lost]

    def prepare(self, store: Store, configs: Sequence[DufmConfig], states: Path, watch: Watch[Any]) -> None:
        """Take the ends that are polished or refined, and put those that longer runs go on from where states lie."""
        from nccli.dufm.checkpoint import Checkpoint
        from nccli.sweep.trainers.longer import longer_runs
        from nccli.sweep.trainers.states import state_path

        self._ends |= stored_ends(store, configs)
        begun = {config for found in self._states(configs, states, watch.on_trouble) for config in found.wanted}
        new = [config for config in configs if not config.finishes and config not in begun]
        if not new:
            return
        count = 0
        for longer in longer_runs(store, new, self.device, self.reduction, self._trajectory, watch.on_note):
            Checkpoint(state_path(states, longer.configs), self._complaints).save(longer.saved, watch.on_trouble)
            count += len(longer.configs)
        if count:
            watch.on_note(f"{count} of {len(configs)} runs go on from shorter ones that are stored")

    @property
    def _trajectory(self) -> bool:
        return "trajectory" in self.keep

    def _options(self, batch: Sequence[DufmConfig]) -> dict[str, Any]:
        """What a job of these runs needs, JSON-ready."""
        needed = {config.start_print for config in batch}
        points = {name: text for name, text in self.points.items() if name in needed}
        parents = {id_of(config.plain) for config in batch if config.finishes}
        ends = {key: self._ends[key] for key in sorted(parents & set(self._ends))}
        found = {"reduction": self.reduction, "keep": sorted(self.keep), "points": points, "ends": ends}
        targets = {config.targets_print for config in batch if config.targets_print is not None}
        return found | ({"targets": [as_text(name) for name in sorted(targets)]} if targets else {})

    def known(self, config: DufmConfig) -> dict[str, Any]:
        """What is known of a run before it is made, as columns of table `run`."""
        row = {**_about(config), **provenance(0.0, self.device)}
        return FinishedRun(row, config.as_dict(), layers=()).columns

    def train(self, job: Job[DufmConfig], watch: Watch[Any]) -> Iterator[FinishedRun]:
        """Carry out a job, from the latest states on disk: a process that died may have left newer ones."""
        from nccli.dufm.checkpoint import Checkpoint
        from nccli.dufm.start import StartPoint
        from nccli.dufm.train import resume, train
        from nccli.sweep.trainers.states import state_path

        if job.configs[0].finishes:
            yield from self._finish(job, watch)
            return
        new = dict.fromkeys(job.configs)
        for found in self._states(job.configs, job.states, watch.on_trouble):
            for config in found.wanted:
                del new[config]
            for result in resume(found.saved, found.wanted, watch, Checkpoint(found.path, self._complaints)):
                yield dufm_run(result, self.device, self.keep)
            if new and watch.should_stop():
                return
        if new:
            checkpoint = Checkpoint(state_path(job.states, tuple(new)), self._complaints)
            points = {name: StartPoint.of_text(text) for name, text in self.points.items()}
            for result in train(tuple(new), self.device, watch, self.reduction, checkpoint, points, self._trajectory):
                yield dufm_run(result, self.device, self.keep)

    def _finish(self, job: Job[DufmConfig], watch: Watch[Any]) -> Iterator[FinishedRun]:
        """Polish or refine the ends that a job has."""
        from nccli.dufm.finish import StoredEnd, finish

        ends = {}
        for config in job.configs:
            parent = id_of(config.plain)
            if parent in self._ends:  # else the descent was cut off
                ends[config] = StoredEnd.from_dict(parent, self._ends[parent])
        for result in finish(ends, self.device, watch):
            yield dufm_run(result, self.device, self.keep)

    def tidy(self, store: Store, states: Path) -> None:
        """Remove states of runs that have all been stored since."""
        from nccli.sweep.trainers.states import remove_finished

        remove_finished(store, states)

    def _states(self, configs: Sequence[DufmConfig], states: Path, on_trouble: Callable[[str], None]) -> "list[Found]":
        """As `find_states`; what cannot be used is said once."""
        from nccli.sweep.trainers.states import find_states

        def say(text: str) -> None:
            if text not in self._told:
                self._told.add(text)
                on_trouble(text)

        return find_states(configs, states, self.device, self.reduction, say, self._trajectory)


def dufm_run(result: "DufmResult", device: str, keep: Collection[str] = ()) -> FinishedRun:
    """A trained DUFM as the store keeps it, with the DNC and SRG losses of its problem.

    Args:
        result: of training.
        device: that it was trained on.
        keep: as `DufmTrainer`; what it takes to go on from the end is kept anyway, where it is at most `KEPT_BYTES`.
    """
    config = result.config
    keeps_weights = "weights" in keep or weight_bytes(config) <= KEPT_BYTES
    state = _state(result) if "weights" in keep or state_bytes(config) <= KEPT_BYTES else {}
    if result.biases and keeps_weights:
        state = {BIASES: dict(result.biases), **state}
    return FinishedRun(
        row={
            **_about(config),
            **provenance(result.seconds, device),
            "torch_version": result.torch_version,
            "steps_by": None if result.steps_by is None else result.steps_by.value,
            **{name: getattr(result, name) for name in ("status", "steps", "loss", "fit", "reg", "grad_norm")},
            "collapsed_at": result.collapsed_at,
            "schatten_gap": result.schatten_gap,
            **_settled(result),
            **_finishing(result),
        },
        config=config.as_dict(),
        layers=result.layers,
        history=[
            {
                **{name: getattr(point, name) for name in ("step", "loss", "fit", "reg", "grad_norm")},
                **{name: list(getattr(point, name)) for name in ("dnc1", "rank")},
                **_singular(point, "trajectory" in keep),
            }
            for point in result.history
        ],
        weights=result.weights if keeps_weights else (),
        state=state,
    )


def _settled(result: "DufmResult") -> dict[str, Any]:
    """Whether it would stay where it is: because it is stationary, or by its drift."""
    found: dict[str, Any] = {}
    if result.drift is not None:
        drifts = {name: getattr(result.drift, name) for name in ("loss_drift", "spectral_drift")}
        found = {"settled": int(result.drift.settled), **drifts}
    if result.status == Status.CONVERGED and (result.finishing is None or result.finishing.finish is Finish.CERTIFIED):
        found["settled"] = 1
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _finishing(result: "DufmResult") -> dict[str, Any]:
    """Which point it is, and how that was made."""
    if result.finishing is None:
        return {"finish": Finish.PLAIN.value}
    found = {name: getattr(result.finishing, name) for name in ("parent", "residual", "radius", "kinks")}
    return {"finish": result.finishing.finish.value, **found}


def _singular(point: "HistoryPoint", trajectory: bool) -> dict[str, Any]:
    """Singular values, where they are known of a point, and what trajectories add to a row of a history."""
    found: dict[str, Any] = {"singular_values": list(map(list, point.singular_values)) or None}
    return found | ({"negative_share": list(point.negative_share)} if trajectory else {})


def _state(result: "DufmResult") -> dict[str, dict[int, Any]]:
    """What it takes beside class means and weights to go on from the end."""
    if result.state is None:
        return {}
    found: dict[str, dict[int, Any]] = {}
    if result.state.features is not None:
        found[FEATURES] = {1: result.state.features}
    for moment, (of_features, of_weights) in zip(MOMENTS, result.state.moments, strict=False):
        found[f"{moment}_{FEATURES}"] = {1: of_features}
        found[f"{moment}_{WEIGHTS}"] = dict(enumerate(of_weights, 1))
    return found


def _about(config: DufmConfig) -> dict[str, Any]:
    own = {name: getattr(config, name) for name in _ROW}
    found = {**columns_at(config.problem, config.width), "kind": "dufm", **own}
    return found if config.targets_print is None else found | {"loss_dnc": None, "loss_srg": None}
