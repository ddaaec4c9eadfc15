"""States of training that DUFM batches keep on disk: finding those that hold a run, and removing what is of no use."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path

from nccli.dufm.checkpoint import read_checkpoint
from nccli.dufm.config import DufmConfig
from nccli.dufm.saved import Saved
from nccli.errors import InputError
from nccli.store import FINISHED, Store, claimed_runs, existing_statuses
from nccli.sweep.plan import id_of


@dataclass(frozen=True, eq=False)
class Found:
    """Runs that go on from a state on disk.

    Attributes:
        saved: the state.
        wanted: those of its runs that are asked for.
        path: where their state is kept from now on: in the file it came from, unless that holds other runs too.
    """

    saved: Saved
    wanted: tuple[DufmConfig, ...]
    path: Path


def find_states(
    configs: Sequence[DufmConfig],
    states: Path,
    device: str,
    reduction: bool,
    on_trouble: Callable[[str], None],
    trajectory: bool = False,
) -> list[Found]:
    """The states of runs as they are on disk now; of a run in several files, the one that is furthest.

    A state that was made on another device or with another reduction is left alone, and so is one without the
    trajectory that is wanted.

    Args:
        configs: the runs.
        states: beginning of the files' paths.
        device, reduction: as `nccli.dufm.train.train` takes them.
        on_trouble: called with a line for every file that cannot be used.
        trajectory: as `nccli.dufm.train.train` takes it.
    """
    left = dict.fromkeys(configs)
    found = []
    fitting = [
        (path, saved)
        for path, saved in _readable(states, on_trouble)
        if (saved.device, saved.reduction) == (device, reduction) and saved.history.has_trajectory >= trajectory
    ]
    for path, saved in sorted(fitting, key=lambda each: -each[1].step):
        wanted = tuple(saved.configs[run] for run in saved.going if saved.configs[run] in left)
        if wanted:
            whole = len(wanted) == len(saved.going)
            found.append(Found(saved, wanted, path if whole else state_path(states, wanted)))
            for config in wanted:
                del left[config]
    return found


def state_path(states: Path, configs: Sequence[DufmConfig]) -> Path:
    """The file for the state of a batch that begins."""
    name = hashlib.sha256("".join(map(id_of, configs)).encode()).hexdigest()[:12]
    return states.with_name(f"{states.name}{name}.npz")


def remove_finished(store: Store, states: Path) -> None:
    """Delete the states of runs that have all been stored since and that nobody is making again."""
    for path, saved in _readable(states, lambda text: None):  # `find_states` has said what cannot be read
        ids = [id_of(saved.configs[run]) for run in saved.going]
        with store.read() as connection:
            statuses = existing_statuses(connection, ids)
            claimed = claimed_runs(connection)
        if all(statuses.get(key) in FINISHED and key not in claimed for key in ids):
            path.unlink(missing_ok=True)


def _readable(states: Path, on_trouble: Callable[[str], None]) -> Iterator[tuple[Path, Saved]]:
    for path in sorted(states.parent.glob(f"{escape(states.name)}*.npz")):
        try:
            yield path, read_checkpoint(path)
        except InputError as error:
            if path.exists():  # else its process has come to the end meanwhile
                on_trouble(f"{error}; runs begin anew, and it may be deleted")
