"""Carrying a grid out: what is stored is returned, the rest is trained in batches and stored run by run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from nccli.dufm.config import DufmConfig
from nccli.store import Claims, Rescue, Store
from nccli.sweep.jobs import jobs_of, remove_finished_checkpoints
from nccli.sweep.plan import Plan
from nccli.sweep.rows import dufm_run, running_columns
from nccli.sweep.waiting import Waiting

if TYPE_CHECKING:
    from nccli.dufm.progress import Progress


P = TypeVar("P")


@dataclass(frozen=True)
class SweepWatch(Generic[P]):
    """How a sweep is watched and steered.

    Attributes:
        on_progress: called with the index of the batch or run in hand, the number of them, and its progress.
        should_stop: once it holds, runs in training are stored as interrupted and none is begun.
        on_trouble: called with a line for everything that went wrong without stopping the sweep.
        on_wait: called with a line when there is nothing to do but wait for other processes.
    """

    on_progress: Callable[[int, int, P], None] = lambda index, count, progress: None
    should_stop: Callable[[], bool] = lambda: False
    on_trouble: Callable[[str], None] = lambda text: None
    on_wait: Callable[[str], None] = lambda text: None


def execute_dufm(
    plan: Plan[DufmConfig],
    store: Store,
    device: str,
    watch: "SweepWatch[Progress] | None" = None,
    reduction: bool = True,
) -> dict[str, str]:
    """Train what the plan leaves, storing each run as it ends.

    Runs that another process is training are waited for, and trained here if it gives up or dies. The state of a batch
    is kept beside the store while it is trained, and the next call goes on from there.

    Args:
        plan: from `plan_runs`.
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
    configs = plan.left
    if not configs:
        return statuses
    import torch

    from nccli.training.device import choose_device

    chosen = choose_device(device)
    left = list(configs)
    waiting = Waiting(watch.should_stop, watch.on_wait)
    with Rescue(store, watch.on_trouble) as rescue, Claims(store, watch.on_trouble, plan.force) as claims:
        while left:
            taken = claims.take(left, lambda key: running_columns(configs[key], chosen, torch.__version__))
            statuses |= taken.stored
            if taken.ours:
                mine = [configs[key] for key in taken.ours]
                statuses |= _train(mine, store, rescue, chosen, watch, reduction)
            left = list(taken.busy)
            if watch.should_stop():
                break
            if left and not taken.ours:
                waiting.wait(taken.busy)
    remove_finished_checkpoints(store)
    return statuses


def _train(
    configs: Sequence[DufmConfig],
    store: Store,
    rescue: Rescue,
    device: str,
    watch: "SweepWatch[Progress]",
    reduction: bool,
) -> dict[str, str]:
    """Train runs that are claimed, in batches."""
    import torch

    from nccli.dufm.checkpoint import Checkpoint
    from nccli.dufm.train import resume, train
    from nccli.dufm.watch import Watch

    statuses = {}
    jobs = jobs_of(configs, store, device, reduction, watch.on_trouble)
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
