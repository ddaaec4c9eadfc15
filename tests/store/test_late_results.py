"""A process that lost its claim, such as one that was suspended, stores nothing over what another made of its run."""

from collections.abc import Iterator
from typing import Any

import pytest

from nccli.errors import StoreError
from nccli.store import Claims, FinishedRun, Rescue, Store, run_records, save_run, select_runs, settle_abandoned
from nccli.store.runs import claims as claims_module
from tests.store.claimants import ELSEWHERE, RUN, columns, leave_behind
from tests.store.example_runs import example_run

OURS, THEIRS = example_run(0, loss=0.25), example_run(0, loss=0.75, host="node7")


@pytest.fixture
def late(store: Store, monkeypatch: pytest.MonkeyPatch) -> Claims:
    """The claims of a process that is suspended from here on: to others it is one elsewhere."""
    return leave_behind(store, monkeypatch, **ELSEWHERE)


@pytest.fixture
def other(store: Store, late: Claims, monkeypatch: pytest.MonkeyPatch) -> Iterator[Claims]:
    """Another process, which has taken the run over."""
    ours = Claims(store, pytest.fail)
    assert ours.take([RUN.id], columns).busy
    monkeypatch.setattr(claims_module, "WATCH_SECONDS", -1.0)
    assert ours.take([RUN.id], columns).ours == (RUN.id,)
    monkeypatch.undo()
    yield ours
    with ours:
        pass


def stored(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        return list(run_records(connection, select_runs(connection)))


def save_late(store: Store, late: Claims, *runs: FinishedRun) -> list[str]:
    """What is said of results that a process saves."""
    said: list[str] = []
    with Rescue(store, said.append, late) as results:
        assert [results.save(run) for run in runs] == [run.id for run in runs]
    return said


@pytest.mark.parametrize("status", ["stopped", "converged", "diverged", "interrupted"])
def test_a_run_that_another_has_finished_stays_and_what_comes_late_is_dropped(
    store: Store, late: Claims, other: Claims, status: str
) -> None:
    with other:
        Rescue(store, pytest.fail, other).save(THEIRS)
    before = stored(store)
    said = save_late(store, late, example_run(0, loss=0.25, status=status))
    assert said == [
        f"run {RUN.id} was finished on node7 with loss 0.75; the result of this process came late and is dropped"
    ]
    assert stored(store) == before


def test_while_another_is_making_the_run_what_comes_late_goes_to_a_rescue_file(
    store: Store, late: Claims, other: Claims, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (said,) = save_late(store, late, OURS)
    (file,) = tmp_path.glob("*-rescue-*.db")
    assert said.startswith(f"run {RUN.id} is being made by {other._identity.host}, process {other._identity.pid}; ")
    assert said.endswith(f"nccli store merge {file} --into {store.location}")
    assert [each["status"] for each in stored(store)] == ["running"]
    assert [each["loss"] for each in stored(Store.open(str(file)))] == [0.25]
    with other:
        Rescue(store, pytest.fail, other).save(THEIRS)
    assert [each["loss"] for each in stored(store)] == [0.75]


def test_an_unfinished_run_that_comes_late_leaves_no_file(
    store: Store, late: Claims, other: Claims, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (said,) = save_late(store, late, example_run(0, status="interrupted", steps=3))
    assert said.endswith("came late and is dropped")
    assert list(tmp_path.glob("*-rescue-*")) == []


def test_many_late_results_are_told_in_two_lines(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    late = Claims(store, pytest.fail)
    runs = [example_run(seed, layers=[], history=[]) for seed in range(5)]
    for run in runs:
        save_run(store, run)
    first, rest = save_late(store, late, *runs)
    assert first.startswith(f"run {runs[0].id} was finished on lab")
    assert rest == "5 results came late in all and are dropped"


def test_what_was_given_up_or_deleted_meanwhile_is_stored(store: Store, late: Claims, other: Claims) -> None:
    with other:
        pass
    assert stored(store) == []
    assert save_late(store, late, OURS) == []
    assert [each["loss"] for each in stored(store)] == [0.25]


def test_what_was_marked_interrupted_meanwhile_is_stored(store: Store, late: Claims) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM worker")
    assert settle_abandoned(store) == [RUN.id]
    assert save_late(store, late, OURS) == []
    assert [each["status"] for each in stored(store)] == ["stopped"]


def test_with_force_the_old_result_is_replaced_though_the_claim_is_lost_and_a_new_one_is_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_run(store, THEIRS)
    late = leave_behind(store, monkeypatch, force=True, **ELSEWHERE)
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM worker")
    assert save_late(store, late, OURS) == []
    assert [each["loss"] for each in stored(store)] == [0.25]
    assert len(save_late(store, late, example_run(0, loss=0.5))) == 1
    assert [each["loss"] for each in stored(store)] == [0.25]


def test_the_claim_is_asked_for_in_the_transaction_that_stores(store: Store, late: Claims) -> None:
    """Else another could store between the question and the answer."""
    asked = []

    def require(connection: Any, key: str) -> None:
        late.require(connection, key)
        asked.append(connection.in_transaction())
        raise StoreError("no")

    with pytest.raises(StoreError, match="no"):
        save_run(store, OURS, require)
    assert asked == [True]
    assert [each["status"] for each in stored(store)] == ["running"]
