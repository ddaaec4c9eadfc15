"""Carrying a grid out: what is stored is returned, the rest is trained in batches and stored run by run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from nccli.dufm.config import DufmConfig
from nccli.store import FINISHED, Claims, Rescue, Store, existing_statuses, run_id
from nccli.sweep._jobs import jobs_of, remove_finished_checkpoints
from nccli.sweep._rows import dufm_run, running_columns
from nccli.sweep._waiting import Waiting

if TYPE_CHECKING:
    from nccli.dufm.watch import Progress


@dataclass(frozen=True)
class SweepWatch:
    """How a sweep is watched and steered.

    Attributes:
        on_progress: called with the index of the batch in hand, the number of batches, and its progress.
        should_stop: once it holds, runs in training are stored as interrupted and no batch is begun.
        on_trouble: called with a line for everything that went wrong without stopping the sweep.
        on_wait: called with a line when there is nothing to do but wait for other processes.
    """

    on_progress: Callable[[int, int, "Progress"], None] = lambda index, count, progress: None
    should_stop: Callable[[], bool] = lambda: False
    on_trouble: Callable[[str], None] = lambda text: None
    on_wait: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class Plan:
    """A grid, split into what the store has and what is left to do.

    Attributes:
        ids: run ids in the order of the grid.
        stored: status of the runs that need not be made again.
        batches: configurations left to train, grouped so that a group can be one batched program.
        force: whether runs that are stored are trained again.
    """

    ids: tuple[str, ...]
    stored: dict[str, str]
    batches: tuple[tuple[DufmConfig, ...], ...]
    force: bool = False


def plan_dufm(configs: Sequence[DufmConfig], store: Store | None, force: bool) -> Plan:
    """Find which runs of a grid are left to train.

    Args:
        configs: the grid.
        store: where finished runs are looked up; None if there is no store yet.
        force: train all of them again.
    """
    by_id = {run_id("dufm", config.as_dict()): config for config in configs}
    stored: dict[str, str] = {}
    if store is not None and not force:
        with store.read() as connection:
            statuses = existing_statuses(connection, list(by_id))
        stored = {key: status for key, status in statuses.items() if status in FINISHED}
    left = [config for key, config in by_id.items() if key not in stored]
    return Plan(tuple(by_id), stored, _batches(left), force)


def _batches(configs: Iterable[DufmConfig]) -> tuple[tuple[DufmConfig, ...], ...]:
    groups: dict[object, list[DufmConfig]] = {}
    for config in configs:
        groups.setdefault(config.batch_key, []).append(config)
    return tuple(tuple(group) for group in groups.values())


def execute_dufm(
    plan: Plan, store: Store, device: str, watch: SweepWatch | None = None, reduction: bool = True
) -> dict[str, str]:
    """Train what the plan leaves, storing each run as it ends.

    Runs that another process is training are waited for, and trained here if it gives up or dies. The state of a batch
    is kept beside the store while it is trained, and the next call goes on from there.

    Args:
        plan: from `plan_dufm`.
        store: where runs go.
        device: "auto", "cpu" or "cuda".
        watch: who watches.
        reduction: as `nccli.dufm.train.train` takes it.

    Returns:
        Status by run id, of stored and new runs; runs never begun are absent.

    Raises:
        InputError: a device that is not there, or a run that does not fit into memory; nothing was trained.
        StoreError: the store failed; results that it did not take lie in the file that the message names.
    """
    watch = watch or SweepWatch()
    statuses = dict(plan.stored)
    if not plan.batches:
        return statuses
    import torch

    from nccli.dufm.train import choose_device

    chosen = choose_device(device)
    configs = {run_id("dufm", config.as_dict()): config for batch in plan.batches for config in batch}
    left = list(configs)
    waiting = Waiting(watch.should_stop, watch.on_wait)
    with Rescue(store, watch.on_trouble) as rescue, Claims(store, watch.on_trouble, plan.force) as claims:
        while left:
            taken = claims.take(left, lambda key: running_columns(configs[key], chosen, torch.__version__))
            statuses |= taken.stored
            if taken.ours:
                mine = replace(plan, batches=_batches(configs[key] for key in taken.ours))
                statuses |= _train(mine, store, rescue, chosen, watch, reduction)
            left = list(taken.busy)
            if watch.should_stop():
                break
            if left and not taken.ours:
                waiting.wait(taken.busy)
    remove_finished_checkpoints(store)
    return statuses


def _train(plan: Plan, store: Store, rescue: Rescue, device: str, watch: SweepWatch, reduction: bool) -> dict[str, str]:
    """Train the batches of a plan, all of them claimed."""
    import torch

    from nccli.dufm.checkpoint import Checkpoint
    from nccli.dufm.train import resume, train
    from nccli.dufm.watch import Watch

    statuses = {}
    jobs = jobs_of(plan, store, device, reduction, watch.on_trouble)
    for index, job in enumerate(jobs):
        if watch.should_stop():
            break
        inner = Watch(
            partial(watch.on_progress, index, len(jobs)),
            watch.should_stop,
            Checkpoint(job.checkpoint),
            watch.on_trouble,
        )
        results = resume(job.saved, job.configs, inner) if job.saved else train(job.configs, device, inner, reduction)
        for result in results:
            statuses[rescue.save(dufm_run(result, device, torch.__version__))] = result.status
    return statuses
