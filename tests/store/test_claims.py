"""Of all processes that are asked for a run, one makes it; what a dead one left is recognised, not by age alone."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nccli.store import (
    Claims,
    Store,
    check_store,
    existing_statuses,
    run_records,
    running_runs,
    save_run,
    select_runs,
    settle_abandoned,
)
from nccli.store.runs import claims as claims_module
from nccli.store.runs.worker import this_process
from tests.store.claimants import RUN, columns, leave_behind
from tests.store.example_runs import example_run

HERE = this_process()


def claims(store: Store, force: bool = False) -> Claims:
    return Claims(store, pytest.fail, force)


def statuses(store: Store) -> dict[str, str]:
    with store.read() as connection:
        return existing_statuses(connection, [RUN.id])


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_one_of_two_gets_the_run_and_the_other_learns_who(store: Store) -> None:
    with claims(store) as first, claims(store) as second:
        assert first.take([RUN.id], columns).ours == (RUN.id,)
        taken = second.take([RUN.id], columns)
        assert taken.ours == ()
        assert taken.busy == {RUN.id: f"{HERE.host}, process {os.getpid()}"}
        save_run(store, RUN)
        assert second.take([RUN.id], columns).stored == {RUN.id: "stopped"}


def test_a_run_in_training_has_a_row_without_results(store: Store) -> None:
    with claims(store) as ours:
        ours.take([RUN.id], columns)
        with store.read() as connection:
            (record,) = run_records(connection, select_runs(connection))
            assert set(running_runs(connection)) == {RUN.id}
        assert (record["status"], record["layers"], record["steps"]) == ("running", [], 0)
        assert record["loss"] != record["loss"]
        assert all(finding.ok for finding in check_store(store))


def test_what_was_claimed_and_not_made_is_gone_at_the_end(store: Store) -> None:
    with claims(store) as ours:
        ours.take([RUN.id], columns)
    assert statuses(store) == {}
    with store.read() as connection:
        assert running_runs(connection) == {}


def test_a_stored_run_is_returned_and_nothing_is_written(store: Store) -> None:
    save_run(store, RUN)
    before = select_all(store)
    with claims(store) as ours:
        assert ours.take([RUN.id], columns).stored == {RUN.id: "stopped"}
    assert select_all(store) == before


def test_making_a_run_again_keeps_the_old_one_until_the_new_one_is_there(store: Store) -> None:
    save_run(store, RUN)
    with claims(store, force=True) as first, claims(store, force=True) as second:
        assert first.take([RUN.id], columns).ours == (RUN.id,)
        assert second.take([RUN.id], columns).busy.keys() == {RUN.id}
        assert statuses(store) == {RUN.id: "stopped"}
        save_run(store, RUN)
        assert second.take([RUN.id], columns).stored == {RUN.id: "stopped"}, "made again by the first just now"


def test_an_interrupted_run_does_not_replace_a_finished_one(store: Store) -> None:
    save_run(store, RUN)
    before = select_all(store)
    save_run(store, example_run(0, status="interrupted", steps=3))
    assert select_all(store) == before


def test_a_run_of_a_process_that_ended_is_taken_over_at_once(
    store: Store, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_behind(store, monkeypatch, pid=dead)
    with claims(store) as ours:
        assert ours.take([RUN.id], columns).ours == (RUN.id,)


def test_a_process_number_that_another_process_has_now_is_no_sign_of_life(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_behind(store, monkeypatch, process_start="1")
    with claims(store) as ours:
        assert ours.take([RUN.id], columns).ours == (RUN.id,)


def test_a_process_that_lives_keeps_its_run_however_long_it_is_silent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_module, "now", lambda: "2001-01-01T00:00:00.000000+00:00")
    leave_behind(store, monkeypatch)
    with claims(store) as ours:
        assert ours.take([RUN.id], columns).busy.keys() == {RUN.id}
    assert settle_abandoned(store) == []


def test_abandoned_runs_are_marked_as_interrupted_by_whoever_looks(
    store: Store, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_behind(store, monkeypatch, pid=dead)
    assert settle_abandoned(store) == [RUN.id]
    assert statuses(store) == {RUN.id: "interrupted"}
    assert settle_abandoned(store) == []


def test_a_check_settles_what_was_abandoned_and_is_clean(
    store: Store, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_behind(store, monkeypatch, pid=dead)
    found = {finding.check: finding for finding in check_store(store)}
    assert all(finding.ok for finding in found.values())
    assert found["marked interrupted"].value == 1


def test_thousands_of_runs_are_claimed_at_once_and_live_by_one_row(store: Store) -> None:
    keys = [f"{i:012x}" for i in range(3000)]
    with claims(store) as ours, claims(store) as other:
        assert ours.take(keys, columns).ours == tuple(keys)
        assert len(other.take(keys, columns).busy) == len(keys)
        with store.read() as connection:
            assert len(running_runs(connection)) == len(keys)
            assert connection.exec_driver_sql("SELECT COUNT(*) FROM worker").scalar() == 1
    assert select_all(store) == []


def select_all(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        return select_runs(connection)


def test_the_sign_of_life_goes_on_while_the_run_is_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.create(str(path))
    monkeypatch.setattr(claims_module, "BEAT_SECONDS", 0.01)
    seen = set()
    with claims(store) as ours:
        ours.take([RUN.id], columns)
        for _ in range(200):
            with store.read() as connection:
                seen.add(connection.exec_driver_sql("SELECT heartbeat FROM worker").scalar())
            if len(seen) > 2:
                break
    assert len(seen) > 2
