"""A process that others cannot see says that it lives often enough for them to believe it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nccli.errors import StoreError
from nccli.store import Claims, Store
from nccli.store.runs import claims as claims_module
from tests.store.claimants import RUN, columns

TEN_MINUTES = 600
LOOK_SECONDS = 5.0


class Clock:
    """Time that passes when it is waited for, a few seconds at a time, while somebody looks on.

    Attributes:
        seconds: since the start.
        look: called every LOOK_SECONDS.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.look: Callable[[], None] = lambda: None

    def text(self) -> str:
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)).isoformat(timespec="microseconds")

    def wait(self, seconds: float) -> bool:
        """As threading.Event.wait of an event that is set after ten minutes."""
        until = self.seconds + seconds
        while self.seconds < min(until, TEN_MINUTES):
            self.seconds += LOOK_SECONDS
            self.look()
        return self.seconds >= TEN_MINUTES


@pytest.fixture
def store(path: Path) -> Store:
    """In a file: what the database is makes no difference here."""
    return Store.create(str(path))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the claims; no process sees another."""
    clock = Clock()
    monkeypatch.setattr(claims_module, "now", clock.text)
    monkeypatch.setattr(claims_module, "time", SimpleNamespace(monotonic=lambda: clock.seconds))
    monkeypatch.setattr(claims_module, "lives", lambda worker: None)
    return clock


def beating(store: Store, clock: Clock) -> Claims:
    """A process with a claim, whose sign of life goes by the clock, when `_beat` is called."""
    ours = Claims(store, lambda text: None)
    ours._heart = SimpleNamespace(join=lambda: None)  # type: ignore[assignment]  # a thread would have a clock of its own
    ours._end = SimpleNamespace(wait=clock.wait, set=lambda: None)  # type: ignore[assignment]
    assert ours.take([RUN.id], columns).ours == (RUN.id,)
    return ours


def test_a_worker_that_gives_its_signs_of_life_is_never_taken_for_dead(store: Store, clock: Clock) -> None:
    ours, other = beating(store, clock), Claims(store, pytest.fail)

    def look() -> None:
        assert other.take([RUN.id], columns).busy, f"taken over after {clock.seconds} s"

    clock.look = look
    ours._beat()
    assert clock.seconds >= TEN_MINUTES


def test_a_few_signs_that_fail_cost_it_nothing(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is busy for half a minute: two of three signs do not come through."""
    ours, other, tries = beating(store, clock), Claims(store, pytest.fail), []
    give = ours._register

    def give_every_third(connection: Any) -> None:
        tries.append(clock.seconds)
        if len(tries) % 3:
            raise StoreError("busy")
        give(connection)

    monkeypatch.setattr(ours, "_register", give_every_third)
    clock.look = lambda: None if other.take([RUN.id], columns).busy else pytest.fail(f"lost after {clock.seconds} s")
    ours._beat()
    assert len(tries) >= 9


def test_a_worker_that_falls_silent_is_taken_over_within_minutes(store: Store, clock: Clock) -> None:
    beating(store, clock)
    other = Claims(store, pytest.fail)
    while other.take([RUN.id], columns).busy:
        clock.seconds += LOOK_SECONDS
        assert clock.seconds < 300
    assert clock.seconds > 60
