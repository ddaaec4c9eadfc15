"""Runs that are left to train, as batches that fit into memory, some of them from where a killed command got to."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nccli.dufm.checkpoint import read_checkpoint
from nccli.dufm.config import DufmConfig
from nccli.dufm.saved import Saved
from nccli.errors import InputError
from nccli.store import FINISHED, Store, claimed_runs, existing_statuses
from nccli.sweep.plan import id_of


@dataclass(frozen=True, eq=False)
class Job:
    """One batched program.

    Attributes:
        configs: the runs wanted from it.
        checkpoint: the file for its state.
        saved: state to go on from; None to begin.
    """

    configs: tuple[DufmConfig, ...]
    checkpoint: Path
    saved: Saved | None = None

    @property
    def step(self) -> int:
        """Steps taken already."""
        return 0 if self.saved is None else self.saved.step


def jobs_of(
    configs: Sequence[DufmConfig],
    store: Store | None,
    device: str,
    reduction: bool,
    on_trouble: Callable[[str], None],
) -> list[Job]:
    """Split runs that are left to train.

    Args:
        configs: the runs.
        store: beside which checkpoints lie; in the current folder for one that is no file.
        device: "cpu" or "cuda".
        reduction: as `nccli.dufm.train.train` takes it; a checkpoint made otherwise is left alone.
        on_trouble: called with a line for every checkpoint that cannot be used.

    Raises:
        InputError: a run that does not fit into memory.
    """
    from nccli.dufm.budget import runs_that_fit
    from nccli.training.memory import free_bytes

    left = dict.fromkeys(configs)
    jobs = []
    for path in sorted(_anchor(store).parent.glob(f"{_anchor(store).name}-checkpoint-*.npz")):
        try:
            saved = read_checkpoint(path)
        except InputError as error:
            on_trouble(f"{error}; runs begin anew, and it may be deleted")
            continue
        if (saved.device, saved.reduction) != (device, reduction):
            continue
        wanted = tuple(saved.configs[run] for run in saved.going if saved.configs[run] in left)
        if wanted:
            rest = len(wanted) < len(saved.going)  # their state stays in that file
            jobs.append(Job(wanted, _path(store, wanted) if rest else path, saved))
            for config in wanted:
                del left[config]
    free = free_bytes(device)
    for batch in _batches(left):
        size = runs_that_fit(batch[0], free)
        parts = [tuple(batch[i : i + size]) for i in range(0, len(batch), size)]
        jobs += [Job(part, _path(store, part)) for part in parts]
    return jobs


def _batches(configs: Iterable[DufmConfig]) -> Iterable[list[DufmConfig]]:
    """Runs that can be one batched program, grouped."""
    groups: dict[object, list[DufmConfig]] = {}
    for config in configs:
        groups.setdefault(config.batch_key, []).append(config)
    return groups.values()


def remove_finished_checkpoints(store: Store) -> None:
    """Delete the checkpoints of runs that have all been stored since."""
    for path in _anchor(store).parent.glob(f"{_anchor(store).name}-checkpoint-*.npz"):
        try:
            saved = read_checkpoint(path)
        except InputError:
            continue  # `jobs_of` has said so
        ids = [id_of(saved.configs[run]) for run in saved.going]
        with store.read() as connection:
            statuses = existing_statuses(connection, ids)
            claimed = claimed_runs(connection)
        if all(statuses.get(key) in FINISHED and key not in claimed for key in ids):
            path.unlink(missing_ok=True)


def _anchor(store: Store | None) -> Path:
    return store.path if store is not None and store.path is not None else Path("nccli")


def _path(store: Store | None, configs: Sequence[DufmConfig]) -> Path:
    name = hashlib.sha256("".join(map(id_of, configs)).encode()).hexdigest()[:12]
    return _anchor(store).with_name(f"{_anchor(store).name}-checkpoint-{name}.npz")
