"""Carrying a grid out: what is stored is returned, the rest is trained in batches and stored run by run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nccli.dufm.config import DufmConfig
from nccli.store import FINISHED, Store, existing_statuses, run_id, save_run
from nccli.sweep._rows import dufm_run

if TYPE_CHECKING:
    from nccli.dufm.train import Progress


@dataclass(frozen=True)
class Plan:
    """A grid, split into what the store has and what is left to do.

    Attributes:
        ids: run ids in the order of the grid.
        stored: status of the runs that need not be made again.
        batches: configurations left to train, grouped so that a group can be one batched program.
    """

    ids: tuple[str, ...]
    stored: dict[str, str]
    batches: tuple[tuple[DufmConfig, ...], ...]


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
    groups: dict[object, list[DufmConfig]] = {}
    for key, config in by_id.items():
        if key not in stored:
            groups.setdefault(config.batch_key, []).append(config)
    return Plan(tuple(by_id), stored, tuple(tuple(group) for group in groups.values()))


def execute_dufm(
    plan: Plan,
    store: Store,
    device: str,
    on_progress: Callable[["Progress", int], None] = lambda progress, batch: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, str]:
    """Train what the plan leaves, storing each run as it ends.

    Args:
        plan: from `plan_dufm`.
        store: where runs go.
        device: "auto", "cpu" or "cuda".
        on_progress: called with the progress of the batch in hand and its index.
        should_stop: once it holds, runs in training are stored as interrupted and no batch is begun.

    Returns:
        Status by run id, of stored and new runs; runs never begun are absent.
    """
    statuses = dict(plan.stored)
    if not plan.batches:
        return statuses
    import torch

    from nccli.dufm.train import choose_device, train

    chosen = choose_device(device)
    for index, batch in enumerate(plan.batches):
        if should_stop():
            break
        for result in train(batch, chosen, lambda progress, index=index: on_progress(progress, index), should_stop):  # type: ignore[misc]
            statuses[save_run(store, dufm_run(result, chosen, torch.__version__))] = result.status
    return statuses
