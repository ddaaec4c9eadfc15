"""A store that another program holds is refused after a while, in a line that says so."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from nccli.errors import StoreError
from nccli.store import Store, save_run
from nccli.store.schema.tables import Run
from tests.store.example_runs import example_run

BUSY = 0.2


@pytest.fixture(autouse=True)
def rollback_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """With write-ahead logging readers never wait: these tests are of the other journal."""
    monkeypatch.setattr("nccli.store.connection.store.choose_journal", lambda path, version: "delete")


@pytest.fixture
def impatient(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with one run, whose connections wait no longer than BUSY."""
    save_run(store, example_run(seed=0))
    monkeypatch.setattr("nccli.store.connection.store.BUSY_SECONDS", BUSY)
    return Store.open(str(path))


@pytest.fixture
def other(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection."""
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def test_a_writer_gives_up_after_the_busy_time(impatient: Store, other: sqlite3.Connection) -> None:
    other.execute("BEGIN IMMEDIATE")
    began = time.perf_counter()
    with pytest.raises(StoreError, match=rf"runs\.db is busy.*{BUSY} s; try again"):
        save_run(impatient, example_run(seed=1))
    assert time.perf_counter() - began >= BUSY


def test_a_reader_gives_up_on_a_store_that_is_held_exclusively(
    impatient: Store, other: sqlite3.Connection, path: Path
) -> None:
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="is busy"), impatient.read() as connection:
        connection.scalar(select(Run.id))
    with pytest.raises(StoreError, match="is busy"):
        Store.open(str(path))


def test_a_writer_kept_from_its_commit_by_a_reader_stores_nothing(impatient: Store, other: sqlite3.Connection) -> None:
    other.execute("BEGIN")
    other.execute("SELECT id FROM run").fetchall()
    with pytest.raises(StoreError, match="is busy"):
        save_run(impatient, example_run(seed=1))
    other.execute("ROLLBACK")
    assert other.execute("SELECT COUNT(*) FROM run").fetchone() == (1,)
    save_run(impatient, example_run(seed=1))
    assert other.execute("SELECT COUNT(*) FROM run").fetchone() == (2,)


def test_a_new_store_that_another_process_is_making_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nccli.store.connection.store.BUSY_SECONDS", BUSY)
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.perf_counter()
        with pytest.raises(StoreError, match="is busy"):
            Store.create(str(path))
        assert time.perf_counter() - began >= BUSY
        other.execute("ROLLBACK")
    other.close()
    assert Store.create(str(path)).path == path
