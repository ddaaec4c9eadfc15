"""The folder of a sweep in a cluster: its jobs, what was submitted, how tasks ended, and the stores that they fill.

sweep.json          which sweep it is
log.jsonl           what was submitted, merged, given up and cancelled, in order; written by whoever leads
jobs/00007.json     a job, as it is carried out
tasks/00007.json    how its task is; written by the task
results/00007.db    the store that the task fills
slurm/              submitit's: scripts, and what tasks print
"""

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nccli import __version__, strict_json
from nccli.atomic import atomic_write
from nccli.errors import InputError, NothingFoundError
from nccli.store import Store
from nccli.store_files import ON_A_SERVER, SWEEP
from nccli.sweep.job import Job

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,63}", re.ASCII)
_HIDDEN = ":***@"
_SWEEP, _LOG = "sweep.json", "log.jsonl"


@dataclass(frozen=True)
class Sweep:
    """Which sweep it is.

    Attributes:
        name: of it.
        store: location of the store that the runs go to, without a password.
        grid: fingerprint of all its runs.
        tag: name of the runs; None for none.
        force: whether runs replace those that are stored.
        settings: of the cluster, JSON-ready.
        at_once: tasks at a time, at most; None for as many as there are.
        version: of nccli.
    """

    name: str
    store: str
    grid: str
    tag: str | None = None
    force: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    at_once: int | None = None
    version: str = __version__


@dataclass(frozen=True)
class Outcome:
    """How a task is, by its own account.

    Attributes:
        id: of the cluster, of the task that says so.
        state: "running", "done", "failed", or "stopped" where it was told to end.
        host: where it runs.
        made: runs of the job that are finished.
        error: why it failed.
        remarks: what went wrong besides.
    """

    id: str
    state: str
    host: str
    made: int = 0
    error: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass
class Task:
    """A job, and what became of it so far.

    Attributes:
        number: of the job.
        ids: of the cluster, of each time that it was submitted.
        merged: whether all that it made is in the store.
        given_up: whether it is not begun again.
    """

    number: int
    ids: list[str] = field(default_factory=list)
    merged: bool = False
    given_up: bool = False

    @property
    def open(self) -> bool:
        """Whether something may still come of it."""
        return not (self.merged or self.given_up)


class SweepFolder:
    """The files of one sweep.

    Attributes:
        path: of the folder, absolute.
    """

    def __init__(self, path: Path) -> None:
        """A folder that is there, or will be."""
        self.path = path.absolute()

    @classmethod
    def beside(cls, store: Path | None, name: str) -> "SweepFolder":
        """Where the sweep of this name lies beside a store; in the current folder for one on a server.

        Raises:
            InputError: this can be no name.
        """
        if not _NAME.fullmatch(name):
            raise InputError(f"the name of a sweep is letters, digits and . _ + -, at most 64; got '{name}'")
        anchor = store or ON_A_SERVER
        return cls(anchor.with_name(f"{anchor.name}{SWEEP}{name}"))

    @classmethod
    def open(cls, store: Path | None, name: str) -> "SweepFolder":
        """The same, of a sweep that is there, by its name or by how that begins, if no other does.

        Raises:
            NothingFoundError: there is none.
            InputError: several begin like this.
        """
        found = cls.beside(store, name)
        if (found.path / _SWEEP).is_file():
            return found
        there = sweeps(store)
        alike = [each for each in there if each.sweep.name.startswith(name)]
        if len(alike) == 1:
            return alike[0]
        shown = ", ".join(each.sweep.name for each in (alike or there)[:5]) or "none"
        if alike:
            raise InputError(f"several sweeps begin with '{name}': {shown}")
        raise NothingFoundError(f"no sweep '{name}' lies beside the store; there: {shown}")

    def create(self, sweep: Sweep, elsewhere: Path | None = None) -> None:
        """Make it, or take on the one that is there; with a place, a link to a folder there.

        Raises:
            InputError: it cannot be written, or is that of other runs.
        """
        if (self.path / _SWEEP).exists() and self.sweep.grid != sweep.grid:
            raise InputError(f"sweep {sweep.name} is there already, of other runs: choose another --name")
        try:
            place = self.path if elsewhere is None else elsewhere.absolute() / self.path.name
            if place != self.path and not self.path.exists():
                place.mkdir(parents=True, exist_ok=True)
                self.path.symlink_to(place, target_is_directory=True)
            for name in ("jobs", "tasks", "results", "slurm"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
            with atomic_write(self.path / _SWEEP) as file:
                file.write(strict_json.dumps(asdict(sweep), indent=1).encode())
        except OSError as error:
            raise InputError(f"the folder of the sweep cannot be written: {error}") from error
        self.__dict__.pop("sweep", None)

    @cached_property
    def sweep(self) -> Sweep:
        """Which sweep it is."""
        return Sweep(**json.loads((self.path / _SWEEP).read_text()))

    def tasks(self) -> dict[int, Task]:
        """What became of its jobs, by number."""
        found = {number: Task(number) for number in self._numbers()}
        for event in self._log():
            task = found.get(event["number"])
            if task is None:
                continue
            if event["event"] == "submitted":
                task.ids.append(event["id"])
                task.merged = task.given_up = False
            elif event["event"] == "merged":
                task.merged = True
            else:
                task.given_up = True
        return found

    def note(self, event: str, numbers: Sequence[int], ids: Sequence[str] = ()) -> None:
        """Write down that jobs were "submitted", "merged" or "given up"."""
        entries = [{"event": event, "number": number} for number in numbers]
        entries = [{**entry, "id": key} for entry, key in zip(entries, ids, strict=True)] if ids else entries
        text = "".join(f"{json.dumps(entry)}\n" for entry in entries)
        with (self.path / _LOG).open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def add(self, jobs: Sequence[Job[Any]]) -> list[int]:
        """Write jobs down, and return their numbers."""
        numbers = []
        for job in jobs:
            draft = self.path / "jobs" / f".{secrets.token_hex(6)}"
            draft.write_text(strict_json.dumps(job.as_dict()), encoding="utf-8")
            numbers.append(self._place(draft))
        return numbers

    def _place(self, draft: Path) -> int:
        """Give a file the next number that is free, whoever else looks for one."""
        number = max(self._numbers(), default=-1)
        while True:
            number += 1
            try:
                self._file("jobs", number).hardlink_to(draft)
            except FileExistsError:
                continue
            draft.unlink()
            return number

    def remove(self, numbers: Sequence[int]) -> None:
        """Take jobs back that were not submitted."""
        for number in numbers:
            self._file("jobs", number).unlink(missing_ok=True)

    def job(self, number: int) -> Job[Any]:
        """A job.

        Raises:
            InputError: it was written by another version of nccli, which this one does not understand.
        """
        try:
            return Job.from_dict(json.loads(self._file("jobs", number).read_text()))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self._file('jobs', number)}: no job that nccli {__version__} understands") from error

    def tell(self, number: int, outcome: Outcome) -> None:
        """Write down how a task is."""
        with atomic_write(self._file("tasks", number)) as file:
            file.write(json.dumps(asdict(outcome)).encode())

    def outcome(self, task: Task) -> Outcome | None:
        """How the latest task of a job is; None where it has not begun."""
        try:
            fields = json.loads(self._file("tasks", task.number).read_text())
        except (FileNotFoundError, ValueError):
            return None
        found = Outcome(**{**fields, "remarks": tuple(fields["remarks"])})
        return found if task.ids and found.id == task.ids[-1] else None

    def results(self, number: int) -> Path:
        """The store that a task fills, where the runs do not go to a server."""
        return self.path / "results" / f"{number:05d}.db"

    def log_of(self, key: str) -> Path:
        """What a task printed on stderr."""
        return self.path / "slurm" / f"{key}_0_log.err"

    def _file(self, kind: str, number: int) -> Path:
        return self.path / kind / f"{number:05d}.json"

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem) for path in (self.path / "jobs").glob("[0-9]*.json"))

    def _log(self) -> Iterator[Mapping[str, Any]]:
        try:
            lines = (self.path / _LOG).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:  # the last line of a process that was killed while it wrote
                continue


def sweeps(store: Path | None) -> list[SweepFolder]:
    """The sweeps that lie beside a store, the latest first."""
    anchor = store or ON_A_SERVER
    folders = (path for path in anchor.absolute().parent.iterdir() if path.name.startswith(f"{anchor.name}{SWEEP}"))
    found = [path for path in folders if (path / _SWEEP).is_file()]
    return [SweepFolder(path) for path in sorted(found, key=lambda path: -(path / _SWEEP).stat().st_mtime)]


def location(folder: SweepFolder, number: int) -> str:
    """Where a task stores its runs: a file of its own, or the server that all write to."""
    asked = folder.sweep.store
    return str(folder.results(number)) if Store.at(asked).path is not None else with_password(asked)


def with_password(location: str) -> str:
    """The address of a server, with the password that NCCLI_STORE has for it: none is written to a disk.

    Raises:
        InputError: it needs one, and NCCLI_STORE is another store.
    """
    if _HIDDEN not in location:
        return location
    known = os.environ.get("NCCLI_STORE", "")
    if known and Store.at(known).location == location:
        return known
    raise InputError(
        f"{location}: tasks in a cluster would need its password, which is not written to a disk: "
        "have the address in NCCLI_STORE, or the password in ~/.pgpass"
    )
