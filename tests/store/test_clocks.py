"""Clocks of machines differ: that a sign of life moves tells that a process elsewhere lives, whatever its hour."""

from types import SimpleNamespace

import pytest

from nccli.errors import StoreError
from nccli.store import (
    Claims,
    Store,
    check_store,
    existing_statuses,
    remove_runs,
    running_runs,
    settle_abandoned,
    silent_runs,
)
from nccli.store.runs import claims as claims_module
from nccli.store.runs.claims import WATCH_SECONDS
from tests.store.claimants import ELSEWHERE, RUN, Clock, beat, columns, leave_behind

off = pytest.mark.parametrize("hours", [0, 1 / 3, -1 / 3, 24, -24, 9000, -400000])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of whoever looks on: its seconds pass when a test says so."""
    clock = Clock(monkeypatch)
    monkeypatch.setattr(claims_module, "time", SimpleNamespace(monotonic=lambda: clock.seconds))
    return clock


def claimed_elsewhere(store: Store, clock: Clock, hours: float) -> Claims:
    with clock.off(hours) as patched:
        return leave_behind(store, patched, **ELSEWHERE)


@off
def test_who_reads_leaves_the_claims_of_other_machines_alone(store: Store, clock: Clock, hours: float) -> None:
    claimed_elsewhere(store, clock, hours)
    clock.seconds += 10**6
    assert settle_abandoned(store) == []
    assert {finding.check: finding.value for finding in check_store(store)}["abandoned"] == 0
    with store.read() as connection:
        assert existing_statuses(connection, [RUN.id]) == {RUN.id: "running"}
        assert running_runs(connection) == {RUN.id: "node7, process 1"}


@off
def test_a_worker_whose_sign_moves_keeps_its_run(store: Store, clock: Clock, hours: float) -> None:
    theirs, ours = claimed_elsewhere(store, clock, hours), Claims(store, pytest.fail)
    for _ in range(20):
        assert ours.take([RUN.id], columns).busy == {RUN.id: "node7, process 1"}
        clock.seconds += WATCH_SECONDS * 0.9
        with clock.off(hours):
            beat(theirs, store)


@off
def test_one_whose_sign_does_not_is_watched_and_then_taken_over(store: Store, clock: Clock, hours: float) -> None:
    claimed_elsewhere(store, clock, hours)
    with Claims(store, pytest.fail) as ours:
        assert ours.take([RUN.id], columns).busy
        clock.seconds += WATCH_SECONDS
        assert ours.take([RUN.id], columns).busy
        clock.seconds += 1.0
        assert ours.take([RUN.id], columns).ours == (RUN.id,)
        with store.read() as connection:
            assert connection.exec_driver_sql("SELECT COUNT(*) FROM worker").scalar() == 1, "the dead one is gone"


def test_a_clock_that_is_set_back_is_a_sign_of_life(store: Store, clock: Clock) -> None:
    theirs, ours = claimed_elsewhere(store, clock, 0), Claims(store, pytest.fail)
    assert ours.take([RUN.id], columns).busy
    clock.seconds += 2 * WATCH_SECONDS
    with clock.off(-5):
        beat(theirs, store)
    assert ours.take([RUN.id], columns).busy


@pytest.mark.parametrize(("hours", "silent"), [(0, False), (-1 / 3, False), (1 / 3, False), (-25, True), (25, True)])
def test_a_silence_of_a_day_is_told_and_the_run_may_be_deleted(
    store: Store, clock: Clock, hours: float, silent: bool
) -> None:
    """Nothing is lost if it lives: see test_late_results.py."""
    claimed_elsewhere(store, clock, hours)
    with store.read() as connection:
        told = silent_runs(connection)
    assert bool(told) is silent
    assert ("silent for a day" in {finding.check for finding in check_store(store)}) is silent
    if silent:
        assert told[RUN.id].startswith("node7, process 1, no sign of life since 20")
        remove_runs(store, [RUN.id])
    else:
        with pytest.raises(StoreError, match="is in training"):
            remove_runs(store, [RUN.id])
