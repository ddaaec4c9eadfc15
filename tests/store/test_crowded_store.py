"""Many processes on one store: a second writer waits, nothing is lost, nobody fails."""

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from nccli.store import Store, check_store, save_run
from nccli.store.schema.tables import SINGULAR_VALUE, Run
from tests.store.crowd import ROUNDS, crowd, new_stores
from tests.store.example_runs import example_layers, example_run
from tests.store.server import new_schema

PROCESSES = 6


def test_processes_that_read_then_write_lose_nothing(store: Store, place: str) -> None:
    save_run(store, example_run(steps=0, layers=example_layers(0)[:1]))
    played = crowd("increment", place, PROCESSES)
    assert played.returncode == 0, played.stderr
    with store.read() as connection:
        assert connection.scalar(select(Run.steps)) == PROCESSES * ROUNDS
        assert connection.scalar(select(func.count()).select_from(SINGULAR_VALUE)) == PROCESSES * ROUNDS + 4


@pytest.mark.parametrize("scene", ["create", pytest.param("create_with_wal", marks=pytest.mark.long)])
def test_processes_that_make_the_same_new_store_all_succeed(path: Path, scene: str) -> None:
    played = crowd(scene, path, PROCESSES)
    assert played.returncode == 0, played.stderr
    for made in new_stores(path):
        assert all(finding.ok for finding in check_store(Store.open(made)))


def test_processes_that_make_the_same_schema_of_a_server_all_succeed(server: str) -> None:
    place = new_schema(server)
    played = crowd("create_one", place, PROCESSES)
    assert played.returncode == 0, played.stderr
    assert all(finding.ok for finding in check_store(Store.open(place)))


def test_a_second_writer_waits_for_the_first(store: Store) -> None:
    def save_late() -> None:
        save_run(store, example_run(seed=1))
        finished.append(time.perf_counter())

    finished: list[float] = []
    with store.write() as connection:
        connection.scalar(select(Run.id))
        second = threading.Thread(target=save_late)
        second.start()
        time.sleep(0.3)
        released = time.perf_counter()
        assert not finished
    second.join()
    assert finished[0] > released
    with store.read() as reader:
        assert reader.scalar(select(func.count()).select_from(Run)) == 1


def test_a_writer_takes_the_write_lock_before_it_reads(store: Store) -> None:
    statements: list[str] = []
    event.listen(store._writer, "before_cursor_execute", lambda c, cursor, statement, *_: statements.append(statement))
    save_run(store, example_run())
    locks = {"BEGIN IMMEDIATE"} if store.path is not None else {"SET LOCAL lock_timeout = '30000ms'"}
    assert statements[0] in locks
    assert store.path is not None or "pg_advisory_xact_lock" in statements[1]


def test_a_reader_sees_one_state_throughout(store: Store) -> None:
    save_run(store, example_run(seed=0))
    writer = threading.Thread(target=save_run, args=(store, example_run(seed=1)))
    count = select(func.count()).select_from(Run)
    with store.read() as connection:
        assert connection.scalar(count) == 1
        writer.start()
        time.sleep(0.1)
        assert connection.scalar(count) == 1
    writer.join()
    with store.read() as connection:
        assert connection.scalar(count) == 2


def test_a_reading_connection_changes_nothing(store: Store) -> None:
    save_run(store, example_run())
    with store.read() as connection:
        connection.exec_driver_sql("DELETE FROM run")
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(Run)) == 1
