"""Runs that are the beginning of longer ones: these go on from where those ended, as states on disk.

A run that is asked for with a larger budget is then the run that it would have been from the start, to the last bit: it
is measured at the same steps, and nothing before its end depends on the budget.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.history import Histories
from nccli.dufm.parameters import Parameters
from nccli.dufm.placement import compiled_pays, threads_that_pay
from nccli.dufm.saved import Saved, measured_at
from nccli.store import Store
from nccli.sweep.ends import Whole, beginnings, whole_end
from nccli.training.threads import cores


@dataclass(frozen=True, eq=False)
class Longer:
    """Runs of one batch that go on from stored ones.

    Attributes:
        configs: of the runs.
        step: where they go on.
        saved: their state.
    """

    configs: tuple[DufmConfig, ...]
    step: int
    saved: Saved


def longer_runs(
    store: Store,
    configs: Sequence[DufmConfig],
    device: str,
    reduction: bool,
    trajectory: bool,
    on_note: Callable[[str], None],
) -> Iterator[Longer]:
    """Those runs whose beginning the store has, in batches.

    Args:
        store: that is asked.
        configs: runs that it does not have.
        device, reduction, trajectory: as `nccli.dufm.train.train` takes them.
        on_note: called with why runs begin anew that might have gone on.
    """
    from nccli.sweep.trainers.batch_size import batches

    found = beginnings(store, configs, device)
    anew = [config for config in found if config.has_schedule]
    if anew:
        on_note(f"{_runs(len(anew))} anew: schedule {anew[0].schedule} depends on the budget")
    groups: dict[tuple[Any, ...], dict[DufmConfig, Whole]] = defaultdict(dict)
    lost = 0
    for config, row in found.items():
        if config.has_schedule:
            continue
        end = whole_end(store, row, config.way_down.moments)
        if end is None or _lacks(end, trajectory) or (end.reduced and not reduction):
            lost += 1
            continue
        groups[(config.batch_key, row["steps"])][config] = end
    if lost:
        on_note(f"{_runs(lost)} anew: shorter ones are stored, but without all that it takes to go on (--keep)")
    for ends in groups.values():
        for batch in batches(ends, device, trajectory):
            saved = _saved([ends[config] for config in batch], batch, device, reduction, trajectory)
            if saved is not None:
                yield Longer(batch, saved.step, saved)


def _runs(count: int) -> str:
    return "one run begins" if count == 1 else f"{count} runs begin"


def _lacks(end: Whole, trajectory: bool) -> bool:
    return trajectory and any(point.get("negative_share") is None for point in end.history)


def _saved(
    ends: Sequence[Whole], configs: tuple[DufmConfig, ...], device: str, reduction: bool, trajectory: bool
) -> Saved | None:
    """The state of a batch at these ends, just before it is measured; None where they were measured at other steps."""
    first, step = configs[0], ends[0].row["steps"]
    before = [at for at in measured_at(first) if at < step]
    points = [[point for point in end.history if point["step"] in set(before)] for end in ends]
    if any([point["step"] for point in each] != before for each in points):
        return None
    groups = []
    for reduced in (False, True):
        places = [place for place, end in enumerate(ends) if end.reduced == reduced]
        if places:
            batch = _batch([ends[place] for place in places], [configs[place] for place in places], reduced)
            groups.append((places, batch))
    return Saved(
        configs=configs,
        device=device,
        reduction=reduction,
        step=step,
        measured=before[-1],
        compiled=compiled_pays(first, len(configs), cores()),
        threads=threads_that_pay(first, len(configs)),
        elapsed=max(end.row["seconds"] for end in ends),
        history=_histories(points, first, trajectory),
        collapsed_at=np.array([-1 if end.row["collapsed_at"] is None else end.row["collapsed_at"] for end in ends]),
        bound=np.array([end.dnc1 for end in ends]),
        groups=tuple(groups),
    )


def _histories(points: Sequence[Sequence[Any]], config: DufmConfig, trajectory: bool) -> Histories:
    def stacked(name: str, kind: type[Any], since: int = 0) -> np.ndarray:
        """Of every point since that one, by point and run."""
        return np.array([[run[at][name] for run in points] for at in range(since, len(points[0]))], dtype=kind)

    count = len(points[0])
    recent = next((at for at in range(count) if all(run[at].get("singular_values") for run in points)), count)
    places = len(points[0][0]["rank"])
    arrays = {
        "steps": np.array([point["step"] for point in points[0]]),
        "numbers": np.stack([stacked(name, np.float64) for name in ("fit", "reg", "grad_norm")], axis=2),
        "dnc1": stacked("dnc1", np.float64),
        "rank": stacked("rank", np.int32),
        "recent": stacked("singular_values", np.float32, recent).reshape(-1, len(points), places, config.K),
    }
    if trajectory:
        arrays |= {"spectra": stacked("singular_values", np.float32)}
        arrays |= {"negative_share": stacked("negative_share", np.float32)}
    return Histories.of(arrays, len(measured_at(config)), config.dtype)


def _batch(ends: Sequence[Whole], configs: Sequence[DufmConfig], reduced: bool) -> Batch:
    """These runs at their ends, in their own precision."""

    def held(features: Sequence[np.ndarray], weights: Sequence[Sequence[np.ndarray]]) -> Parameters:
        kind = configs[0].dtype
        *hidden, last = (np.stack([W.T for W in layer]) for layer in zip(*weights, strict=True))
        found = Parameters(np.stack([H.T for H in features]), np.stack(hidden), last)
        return found.each(lambda array: np.ascontiguousarray(array, dtype=kind))

    moments = [
        held([end.moments[i][0] for end in ends], [end.moments[i][1] for end in ends])
        for i in range(configs[0].way_down.moments)
    ]
    now = held([end.features for end in ends], [end.weights for end in ends])
    return Batch(tuple(configs), now, tuple(moments), reduced)
