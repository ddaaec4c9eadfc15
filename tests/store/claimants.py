"""Processes that claim a run, here or elsewhere, now or by another clock."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nccli.store import Claims, Store
from nccli.store.runs import claims as claims_module
from tests.store.example_runs import example_run

RUN = example_run(0)
ELSEWHERE: Mapping[str, Any] = {"place": "another machine", "host": "node7", "pid": 1}


def columns(key: str) -> dict[str, Any]:
    """What is known of the example runs before they are made."""
    return {name: value for name, value in RUN.columns.items() if name not in ("status", "loss")}


def leave_behind(store: Store, monkeypatch: pytest.MonkeyPatch, force: bool = False, **identity: Any) -> Claims:
    """A claim whose process goes without a word: it has no heart."""
    theirs = Claims(store, pytest.fail, force)
    theirs._identity = replace(theirs._identity, **identity)
    monkeypatch.setattr(theirs, "_beat", lambda: None)
    theirs.take([RUN.id], columns)
    return theirs


class Clock:
    """An hour that the workers write, some hours off the real one, and seconds that pass when it is said so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A clock that is right."""
        self._monkeypatch, self.seconds = monkeypatch, 0.0

    @contextmanager
    def off(self, hours: float) -> Iterator[pytest.MonkeyPatch]:
        """For a while the clock of another machine."""
        hour = datetime.now(UTC) + timedelta(hours=hours, seconds=self.seconds)
        with self._monkeypatch.context() as patched:
            patched.setattr(claims_module, "now", lambda: hour.isoformat(timespec="microseconds"))
            yield patched


def beat(theirs: Claims, store: Store) -> None:
    """Their next sign of life."""
    with store.write() as connection:
        theirs._register(connection)
