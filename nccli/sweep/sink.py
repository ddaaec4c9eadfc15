"""Where finished runs go."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from nccli.store import FinishedRun


class Sink(Protocol):
    """Takes runs as they end: a store (`nccli.store.Rescue`), or a file that is merged into one later."""

    def save(self, run: FinishedRun) -> str:
        """Keep a run, and return its id.

        Raises:
            StoreError: it could not be kept anywhere.
        """


class Nowhere:
    """The sink of processes that do not lead: their leader keeps the run."""

    def save(self, run: FinishedRun) -> str:
        """Its id."""
        return run.id


class Tagged:
    """A sink that gives runs a name."""

    def __init__(self, sink: Sink, tag: str) -> None:
        """In front of another sink."""
        self._sink, self._tag = sink, tag

    def save(self, run: FinishedRun) -> str:
        """Keep it under its name."""
        return self._sink.save(replace(run, row={**run.row, "tag": self._tag}))


class Noted:
    """A sink that also notes how runs ended."""

    def __init__(self, sink: Sink, statuses: dict[str, str], on_run: Callable[[FinishedRun], None]) -> None:
        """Write statuses by run id into a dictionary, and call `on_run` with each run that was kept."""
        self._sink, self._statuses, self._on_run = sink, statuses, on_run

    def save(self, run: FinishedRun) -> str:
        """Keep it and note it."""
        key = self._sink.save(run)
        self._statuses[key] = run.row["status"]
        self._on_run(run)
        return key
