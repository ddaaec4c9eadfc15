"""Upgrading while others read and write: every run is there afterwards, and nobody writes by an outdated schema."""

import gzip
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nccli.errors import StoreError, StoreVersionError
from nccli.store import Claims, Rescue, Store, check_store, save_run, select_runs
from tests.store.claimants import RUN, columns
from tests.store.example_runs import example_run
from tests.store.plain_sql import dump, plain

ROOT = Path(__file__).parents[2]
RUNS = 5
OPEN = """
import sys
from nccli.store import Store, select_runs
store = Store.open(sys.argv[1])
with store.read() as connection:
    print(len(select_runs(connection)), store.upgraded_from)
"""


@pytest.fixture(params=[pytest.param("delete", marks=pytest.mark.long), "wal"])
def old(path: Path, request: pytest.FixtureRequest) -> Path:
    """A store of the first nccli, with either journal."""
    path.write_bytes(gzip.decompress((Path(__file__).with_name("released") / "0001.db.gz").read_bytes()))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={request.param}")
    return path


@pytest.fixture
def writer(old: Path) -> Iterator[sqlite3.Connection]:
    """An older program, in the middle of storing one more run."""
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        names = ", ".join(row[1] for row in connection.execute("PRAGMA table_info(run)") if row[1] != "id")
        connection.execute(f"INSERT INTO run (id, {names}) SELECT '0123456789ab', {names} FROM run LIMIT 1")
        yield connection


def opening(path: Path) -> "subprocess.Popen[str]":
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", OPEN, str(path)], stdout=subprocess.PIPE, text=True, env=env)


def test_of_many_that_open_an_old_store_while_another_writes_one_upgrades_it(
    old: Path, writer: sqlite3.Connection
) -> None:
    processes = [opening(old) for _ in range(4)]
    time.sleep(2.0)
    assert all(process.poll() is None for process in processes), "they wait for the writer"
    writer.execute("COMMIT")
    said = sorted(process.communicate(timeout=60)[0].split() for process in processes)
    assert said == [[str(RUNS + 1), "0001"], *[[str(RUNS + 1), "None"]] * 3]
    (backup,) = old.parent.glob("*-before-upgrade-*")
    with plain(backup) as connection:
        assert connection.execute("SELECT COUNT(*) FROM run").fetchone() == (RUNS + 1,)


def test_a_writer_that_does_not_come_to_an_end_leaves_the_store_as_it_was(
    old: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nccli.store.connection.store.BUSY_SECONDS", 0.2)
    with pytest.raises(StoreVersionError, match=r"needs an upgrade from schema 0001, which failed: .* is busy"):
        Store.open(str(old))
    writer.execute("ROLLBACK")
    assert list(old.parent.glob("*-before-upgrade-*")) == []
    assert Store.open(str(old)).upgraded_from == "0001"
    assert all(finding.ok for finding in check_store(Store.open(str(old))))


def test_who_opened_a_store_before_it_was_upgraded_writes_it_no_more_and_its_results_are_rescued(path: Path) -> None:
    store, said = Store.create(str(path)), list[str]()
    claims = Claims(store, said.append)
    claims.take([RUN.id], columns)
    with plain(path) as connection:
        connection.execute("UPDATE nccli_schema_version SET version_num = '9999'")
    before = dump(path)
    with pytest.raises(StoreVersionError, match="was upgraded to schema 9999 by another nccli"):
        save_run(store, example_run(1))
    with pytest.raises(StoreError, match="1 runs are kept in"), Rescue(store, said.append, claims) as results, claims:
        results.save(RUN)
    assert dump(path) == before
    (file,) = path.parent.glob("*-rescue-*.db")
    with Store.open(str(file)).read() as connection:
        assert [row["id"] for row in select_runs(connection)] == [RUN.id]


def test_a_process_in_training_is_not_disturbed_by_those_that_open_the_store(path: Path) -> None:
    store = Store.create(str(path))
    with Claims(store, pytest.fail) as claims:
        claims.take([RUN.id], columns)
        for _ in range(3):
            assert Store.open(str(path)).upgraded_from is None
        save_run(store, RUN, claims.require)
    assert list(path.parent.glob("*-before-upgrade-*")) == []
