"""Measuring one thing after the other: what is stored already is not measured again, what is measured is stored."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nccli.cli.notes import fail_later, note, warn
from nccli.cli.sweep_notes import existing_store
from nccli.errors import InputError, InterruptedRunError, SomeRunsFailedError, TerminatedRunError

if TYPE_CHECKING:
    from nccli.store import FinishedRun, Store

_EVERY = 30.0
"""Seconds between lines of progress, as of training: the design sheet's."""

_NAMED = 3
"""Steps that are named where many change; a taste."""


@dataclass(frozen=True)
class Subject:
    """Something that is to be measured as one run.

    Attributes:
        kind: of the run.
        config: what names the run, but for the layers, which measuring tells.
        measure: does it.
        words: what it is, for people.
        place: columns `series`, `step` and `file` of the run.
    """

    kind: str
    config: Mapping[str, Any]
    measure: "Callable[[], FinishedRun]"
    words: str
    place: Mapping[str, Any]


Source = Callable[[], Sequence[Subject]]
"""Opens a file and tells what is to be measured of it.

Raises:
    InputError: it cannot be measured; others may.
"""


@dataclass
class _Progress:
    """What has become of the sources so far."""

    ids: list[str] = field(default_factory=list)
    found: dict[str, str] = field(default_factory=dict)
    measured: int = 0
    failed: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    said: float = field(default_factory=time.monotonic)


class Measurements:
    """Measures sources and stores the runs, which `ids` has in their order."""

    def __init__(self, location: str, force: bool, quiet: bool) -> None:
        """Nothing is opened yet; a store is made when there is something to store.

        Args:
            location: of the store.
            force: measure again what is stored.
            quiet: no notes.
        """
        self._location, self._force, self._quiet = location, force, quiet
        self._store: Store | None = existing_store(location)
        self._so_far = _Progress()

    @property
    def store(self) -> "Store":
        """The store, made if there is none."""
        from nccli.store import Store

        self._store = self._store or Store.create(self._location)
        return self._store

    @property
    def ids(self) -> list[str]:
        """Runs so far, measured or found, each once."""
        return self._so_far.ids

    def go(self, sources: Sequence[Source]) -> None:
        """Take one source after the other; of several, those that cannot be measured are told in the end.

        Raises:
            InputError: none of them could be measured.
            InterruptedRunError: Ctrl-C or SIGTERM; what was measured is stored.
            StoreError: the store failed.
        """
        so_far = self._so_far
        with self._told_where_it_stopped(len(sources)):
            for number, source in enumerate(sources, 1):
                try:
                    for subject in source():
                        self._take(subject)
                except InputError as error:
                    if len(sources) == 1:
                        raise
                    so_far.failed.append(str(error))
                if time.monotonic() - so_far.said > _EVERY:
                    so_far.said = time.monotonic()
                    note(f"{number} of {len(sources)} measured or found", self._quiet)
        found = len(so_far.ids) - so_far.measured
        if found:
            which = "it is" if len(so_far.ids) == 1 else f"{found} of {len(so_far.ids)} runs are"
            note(f"{which} stored already, measured before (--force measures again)", self._quiet)
        if so_far.moved:
            steps = ", ".join([*so_far.moved[:_NAMED], *["…"] * (len(so_far.moved) > _NAMED)])
            note(f"{len(so_far.moved)} stored runs have another step from now on: {steps}", self._quiet)
        if so_far.failed and not so_far.ids:
            others = len(so_far.failed) - 1
            raise InputError(f"{so_far.failed[0]} (and {others} more {'file' if others == 1 else 'files'})")
        for reason in so_far.failed:
            warn(reason)
        if so_far.failed:
            failed = len(so_far.failed)
            fail_later(SomeRunsFailedError(f"{failed} of {len(sources)} files not measured; the rest is stored"))

    def _take(self, subject: Subject) -> None:
        from nccli.store import find_measured, place_in_series, save_run

        known = None
        if self._store is not None:
            with self._store.read() as connection:
                known = find_measured(connection, subject.kind, subject.config)
        if known is None or (self._force and known not in self._so_far.ids):
            if self._store is not None:
                self._store.require_writable()
            run = subject.measure()
            known = save_run(self.store, replace(run, row={**run.row, **subject.place}))
            self._so_far.measured += known not in self._so_far.ids
        elif known not in self._so_far.ids:
            before = place_in_series(self.store, known, subject.place)
            if None not in (before["step"], subject.place["step"]) and before["step"] != subject.place["step"]:
                self._so_far.moved.append(f"{before['step']} → {subject.place['step']}")
        if known in self._so_far.ids:
            same = self._so_far.found[known]
            note(f"{subject.words} has the content of {same}: one run, {known}, with the place of that", self._quiet)
            return
        self._so_far.ids.append(known)
        self._so_far.found[known] = subject.words

    @contextmanager
    def _told_where_it_stopped(self, sources: int) -> Iterator[None]:
        """Turn Ctrl-C and SIGTERM into what is stored by then."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit) as end:
            if isinstance(end, SystemExit) and end.code != TerminatedRunError.exit_code:
                raise
            kind = InterruptedRunError if isinstance(end, KeyboardInterrupt) else TerminatedRunError
            stored = len(self.ids)
            runs = f"{stored} run{'' if stored == 1 else 's'} of {sources} file{'' if sources == 1 else 's'} stored"
            raise kind(f"interrupted: {runs}; the same command goes on from there") from end


def say_what(source: str, measured: Sequence[str], skipped: dict[str, str], quiet: bool) -> None:
    """Say which layers were measured and which were not, and why."""
    note(f"{source}: measured {', '.join(measured) or 'nothing'}", quiet)
    for name, reason in skipped.items():
        note(f"{source}: skipped {name}: {reason}", quiet)
