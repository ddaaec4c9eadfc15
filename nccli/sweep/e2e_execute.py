"""Carrying out a grid of networks: runs are claimed, trained one by one or side by side, and stored as they end."""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nccli.e2e.config import E2eConfig
from nccli.errors import InputError
from nccli.store import Claims, Rescue, Store, Taken
from nccli.sweep.e2e import e2e_checkpoint, e2e_run, running_columns
from nccli.sweep.execute import SweepWatch
from nccli.sweep.plan import Plan, id_of
from nccli.sweep.waiting import Waiting

if TYPE_CHECKING:
    from nccli.e2e.device_images import DeviceSet
    from nccli.e2e.images import ImageSet
    from nccli.e2e.result import E2eResult, E2eWatch, EpochProgress
    from nccli.training.group import Group


@dataclass(frozen=True)
class E2eSweepWatch(SweepWatch["EpochProgress"]):
    """How such a sweep is watched and steered.

    Attributes:
        on_result: called with each run as it ends.
    """

    on_result: Callable[["E2eResult"], None] = lambda result: None


def execute_e2e(
    plan: Plan[E2eConfig],
    images: "ImageSet",
    store: Store | None,
    device: str,
    watch: E2eSweepWatch,
    group: "Group",
    compile: bool = False,
    together: int = 1,
) -> dict[str, str]:
    """Train what the plan leaves, storing each run as it ends.

    Runs that another process is training are waited for, and trained here if it gives up or dies.

    Args:
        plan: from `plan_runs`, the same in every process.
        images: what to train on.
        store: where runs go; None in processes that do not lead.
        device: "cpu" or "cuda".
        watch: who watches.
        group: the processes that train together.
        compile: as `nccli.e2e.train.train_network` takes it.
        together: how many runs of one shape are trained as one program, from `runs_together`.

    Returns:
        Status by run id, of stored and new runs; runs never begun are absent.

    Raises:
        StoreError: the store failed; results that it did not take lie in the file that the message names.
    """
    statuses, left = dict(plan.stored), plan.left
    with ExitStack() as stack:
        trainer = _Trainer(images, store, device, watch, group, compile, len(left))
        claims: Claims | None = None
        if store is not None and left:
            trainer.rescue = stack.enter_context(Rescue(store, watch.on_trouble))
            claims = stack.enter_context(Claims(store, watch.on_trouble, plan.force))
        waiting, busy, queue = Waiting(watch.should_stop, watch.on_wait), dict[str, str](), deque(left)
        while queue and not group.any(watch.should_stop()):
            keys = _next(queue, left, together)
            taken = _taken(claims, {key: left[key] for key in keys}, device, group)
            statuses.update(taken.stored)
            busy = {**{key: by for key, by in busy.items() if key not in keys}, **taken.busy}
            queue.extend(taken.busy)
            if taken.ours:
                statuses |= trainer.train({key: left[key] for key in taken.ours}, len(left) - len(queue))
            elif taken.busy and len(busy) == len(queue) and group.leads:
                waiting.wait(busy)
    return statuses


def runs_together(config: E2eConfig, device: str, group: "Group", compile: bool, wanted: bool | None) -> int:
    """How many runs of a shape are trained as one program, at most.

    Args:
        config: one of the runs.
        device: "cpu" or "cuda".
        group: processes that train one network together.
        compile: whether networks go through torch.compile.
        wanted: what the user asked for; None for what pays: small backbones on a GPU.

    Raises:
        InputError: it is asked for, and impossible.
    """
    from nccli.e2e.together import MOST, SMALL

    reasons = {
        f"--backbone {config.backbone} (only {' and '.join(SMALL)})": config.backbone not in SMALL,
        "--compile": compile,
        "several processes": group.size > 1,
    }
    against = [reason for reason, holds in reasons.items() if holds]
    if wanted and against:
        raise InputError(f"--together: not with {against[0]}")
    return MOST if not against and (device.startswith("cuda") if wanted is None else wanted) else 1


def _taken(claims: Claims | None, configs: dict[str, E2eConfig], device: str, group: "Group") -> Taken:
    """What came of the leader's claim on runs, in every process."""
    found = group.leader_does(
        lambda: claims and claims.take(list(configs), lambda key: running_columns(configs[key], device))
    )
    taken: Taken = group.from_leader(found)
    return taken


def _next(queue: deque[str], left: dict[str, E2eConfig], together: int) -> list[str]:
    """Take the next runs from the queue: one, or so many of one shape."""
    keys = [queue.popleft()]
    if together > 1:
        from nccli.e2e.together import shape_of

        shape = shape_of(left[keys[0]])
        keys += [key for key in queue if shape_of(left[key]) == shape][: together - 1]
        for key in keys[1:]:
            queue.remove(key)
    return keys


class _Trainer:
    """Trains runs that are claimed, and stores them as they end."""

    def __init__(
        self,
        images: "ImageSet",
        store: Store | None,
        device: str,
        watch: E2eSweepWatch,
        group: "Group",
        compile: bool,
        count: int,
    ) -> None:
        """As `execute_e2e`; `count` runs are there to train in all."""
        self.rescue: Rescue | None = None
        self._images, self._store, self._device, self._watch = images, store, device, watch
        self._group, self._compile, self._count = group, compile, count
        self._data: DeviceSet | None = None

    def train(self, configs: dict[str, E2eConfig], begun: int) -> dict[str, str]:
        """Train runs together, or a single one; their statuses. With them `begun` runs of the sweep are begun."""
        import torch

        from nccli.e2e.device_images import DeviceSet
        from nccli.e2e.together import train_together
        from nccli.e2e.train import Training

        data = self._data = self._data or DeviceSet(self._images, self._group.device(self._device))
        live = dict.fromkeys(configs)
        watches = [self._watch_of(key, live, begun - len(configs)) for key in configs]
        if len(configs) > 1:
            results: Iterable[E2eResult] = train_together(list(configs.values()), data, watches)
        else:
            (config,) = configs.values()
            results = [Training(config, data, watches[0], self._group, self._compile).run()]
        statuses: dict[str, str] = {}
        for result in results:
            key = id_of(result.config)
            statuses[key] = result.status
            del live[key]
            if self.rescue is not None:
                self.rescue.save(e2e_run(result, self._device, torch.__version__))
                self._watch.on_result(result)
        return statuses

    def _watch_of(self, key: str, live: dict[str, None], first: int) -> "E2eWatch":
        """Of runs that are trained together, the first that has not ended reports."""
        from nccli.e2e.checkpoint import RunCheckpoint
        from nccli.e2e.result import E2eWatch

        side_by_side = len(live)

        def report(progress: "EpochProgress") -> None:
            if key == next(iter(live)):
                self._watch.on_progress(first, self._count, replace(progress, together=side_by_side))

        checkpoint = RunCheckpoint(e2e_checkpoint(self._store, key)) if self._group.leads else None
        return E2eWatch(report, self._watch.should_stop, checkpoint, self._watch.on_trouble)
