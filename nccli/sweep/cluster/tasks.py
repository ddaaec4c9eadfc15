"""The tasks of a sweep, followed to their ends: what they made is merged, and what was lost is begun once more."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nccli.catalogue.runs import FAILED, FINISHED, RUNNING
from nccli.errors import InputError, StoreError
from nccli.store import Store, existing_statuses, merge_stores
from nccli.sweep.cluster import slurm
from nccli.sweep.cluster.folder import Outcome, SweepFolder, Task
from nccli.sweep.cluster.settings import Settings
from nccli.sweep.executors.executor import ATTEMPTS
from nccli.training.watch import Watch

_ASK_SECONDS, _ASK_AT_MOST, _ASK_SHARE = 2.0, 30.0, 0.1
"""Tastes: the controller is asked that often at first, and less often the longer nothing happens."""

_CANCELLED = "CANCELLED"
"""How a task ended that a person wanted to end: it is not begun again."""

_GONE_SECONDS = 10.0
"""A taste: a task that the cluster no longer knows has this long until its last words are seen on a shared disk."""

LOOK_SECONDS, _POLL_SECONDS = 1.0, 0.1
"""Tastes: how often tasks are looked at on disk, and Ctrl-C is heeded."""

_SAY_SECONDS = 30.0
"""The design sheet's: how often a plain line says how it goes."""


@dataclass
class Tasks:
    """Those tasks of a sweep that are open.

    Attributes:
        folder: of the sweep.
        store: where its runs go.
        watch: who watches.
        statuses: of runs that a task of this sweep lost.
    """

    folder: SweepFolder
    store: Store
    watch: Watch[Any]
    statuses: dict[str, str] = field(default_factory=dict)
    _open: dict[int, Task] = field(default_factory=dict)
    _runs: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _alive: Mapping[str, slurm.Alive] = field(default_factory=dict)
    _gone: dict[str, float] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _changed: float = field(default_factory=time.monotonic)
    _asked: float = float("-inf")
    _ended: int = 0
    _said: float = field(default_factory=time.monotonic)

    def take_on(self) -> None:
        """Follow what the cluster still has of this sweep, and merge what ended while nobody looked."""
        for task in self.folder.tasks().values():
            if task.open and task.ids:
                self._follow(task)
        self.look()

    @property
    def in_hand(self) -> dict[str, int]:
        """Runs that a task will make, and the number of its job."""
        return {key: number for number, keys in self._runs.items() for key in keys}

    def go_on(self) -> bool:
        """Whether any is open."""
        return bool(self._open)

    def submit(self, numbers: Sequence[int]) -> None:
        """Have the cluster carry out jobs that lie in the folder.

        Raises:
            InputError: it refuses; nothing was submitted.
        """
        sweep = self.folder.sweep
        known = self.folder.tasks()
        ids = slurm.submit(self.folder, Settings.from_dict(sweep.settings), numbers, sweep.at_once)
        self.folder.note("submitted", numbers, ids)
        for number, key in zip(numbers, ids, strict=True):
            task = known[number]
            task.ids.append(key)
            self._follow(task)
        self._changed, self._asked = time.monotonic(), float("-inf")

    def look(self) -> None:
        """Merge what ended since the last look, and begin again or give up what was lost."""
        self._ask()
        now = time.monotonic()
        ended, lost = [], []
        for task in self._open.values():
            outcome, key = self.folder.outcome(task), task.ids[-1]
            if outcome is not None:
                self._pass_on(outcome)
            if outcome is not None and outcome.state in ("done", "failed"):
                ended.append((task, outcome))
            elif key in self._alive:
                self._gone.pop(key, None)
            elif now - self._gone.setdefault(key, now) > _GONE_SECONDS and self._asked > self._gone[key]:
                lost.append((task, outcome))
        for task, outcome in ended:
            self._close(task, outcome)
        self._lose(lost)
        self._say()

    def stop_following(self) -> dict[str, str]:
        """What is known of the runs of this sweep that are not in the store: lost, or still to come."""
        return {**dict.fromkeys(self.in_hand, RUNNING), **self.statuses}

    def _follow(self, task: Task) -> None:
        self._open[task.number] = task
        self._runs.setdefault(task.number, tuple(self.folder.job(task.number).by_id))

    def _ask(self) -> None:
        """Ask the controller, where it is time to."""
        now = time.monotonic()
        pace = min(_ASK_AT_MOST, max(_ASK_SECONDS, _ASK_SHARE * (now - self._changed)))
        if not self._open or now - self._asked < pace:
            return
        try:
            self._alive = slurm.alive([task.ids[-1] for task in self._open.values()])
            self._asked = time.monotonic()
        except slurm.UnreachableError as error:
            self._tell(f"the cluster does not answer ({error}); tasks go on, and it is asked again")

    def _close(self, task: Task, outcome: Outcome) -> None:
        """Take what a task made that came to its end."""
        kept = self._merge(task)
        if outcome.state == "failed":
            self._tell(f"job {task.number} (task {outcome.id} on {outcome.host}) failed: {outcome.error}")
        if outcome.state == "failed" or not kept:
            self._give_up(task)
        self.folder.note("merged", [task.number])
        self._end(task)

    def _lose(self, lost: Sequence[tuple[Task, Outcome | None]]) -> None:
        """Begin again what the cluster ended, unless it did so before."""
        again = []
        for task, outcome in lost:
            self._merge(task)
            left = self._unfinished(task)
            end = slurm.end_of(task.ids[-1])
            where = "" if outcome is None else f" on {outcome.host}"
            what = f"task {task.ids[-1]} of job {task.number} ended{where}{f' as {end}' if end else ' too early'}"
            what += f", see {self.folder.log_of(task.ids[-1])}"
            if not left:
                self.folder.note("merged", [task.number])
                self._end(task)
            elif len(task.ids) < ATTEMPTS and end != _CANCELLED:
                self._tell(f"{what}: {_runs(len(left))} of it begin again")
                again.append(task.number)
            else:
                more = "" if end == _CANCELLED else ", again"
                self._tell(f"{what}{more}: {_runs(len(left))} of it are given up")
                self._give_up(task)
                self.folder.note("given up", [task.number])
                self._end(task)
        if again:
            try:
                self.submit(again)
            except InputError as error:
                self._tell(str(error))
                self.folder.note("given up", again)
                for number in again:
                    self._give_up(self._open[number])
                    self._end(self._open[number])

    def _end(self, task: Task) -> None:
        self._open.pop(task.number)
        self._runs.pop(task.number)
        self._ended += 1
        self._changed = time.monotonic()

    def _give_up(self, task: Task) -> None:
        self.statuses |= dict.fromkeys(self._unfinished(task), FAILED)

    def _unfinished(self, task: Task) -> list[str]:
        """Runs of a job that the store does not have."""
        ids = self._runs[task.number]
        with self.store.read() as connection:
            there = existing_statuses(connection, list(ids))
        return [key for key in ids if there.get(key) not in FINISHED]

    def _merge(self, task: Task) -> bool:
        """Take what a task has made so far; whether that could be read."""
        try:
            merge_results(self.folder, [task.number], self.store)
        except (InputError, StoreError) as error:
            self._tell(f"what job {task.number} made cannot be merged: {error}")
            return False
        return True

    def _pass_on(self, outcome: Outcome) -> None:
        for remark in outcome.remarks:
            self._tell(remark)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.watch.on_trouble(text)

    def _say(self) -> None:
        """Say how it goes, now and then."""
        now = time.monotonic()
        if self._open and now - self._said >= _SAY_SECONDS:
            self._said = now
            self.watch.on_wait(self.summary())

    def summary(self) -> str:
        """How many tasks run and wait, and why."""
        states = [self._alive[task.ids[-1]] for task in self._open.values() if task.ids[-1] in self._alive]
        run = sum(each.state != "PENDING" for each in states)
        reasons = ", ".join(dict.fromkeys(each.reason for each in states if each.state == "PENDING"))
        wait = len(self._open) - run
        return f"{self._ended} jobs have ended, {run} run, {wait} wait{f' ({reasons})' if reasons else ''}"


def merge_results(folder: SweepFolder, numbers: Iterable[int], store: Store) -> None:
    """Merge what tasks have made so far into the store; nothing where they write into it themselves.

    Raises:
        InputError, StoreError: as `merge_stores`.
    """
    files = [folder.results(number) for number in numbers]
    found = [str(file) for file in files if file.exists()]
    if found and store.path is not None:
        merge_stores(found, store, replace=folder.sweep.force)


def follow(tasks: Tasks) -> None:
    """Look again and again, until no task is left or we are asked to stop."""
    while tasks.go_on() and not tasks.watch.should_stop():
        tasks.look()
        until = time.monotonic() + LOOK_SECONDS
        while time.monotonic() < until and tasks.go_on() and not tasks.watch.should_stop():
            time.sleep(_POLL_SECONDS)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
