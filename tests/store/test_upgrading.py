"""Upgrading an older store: wholly or not at all, and no run is lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nccli.errors import NccliError
from nccli.store import Store, check_store, run_records, save_run, select_history, select_runs
from tests.store.example_runs import example_run
from tests.store.plain_sql import dump, plain
from tests.store.revisions import add_revision


@pytest.mark.parametrize("way", [Store.open, Store.create])
def test_an_older_store_is_upgraded_when_it_is_used(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Callable[[str], Store]
) -> None:
    key = save_run(store, example_run())
    name = add_revision(tmp_path, 'op.execute("CREATE TABLE note (run_id TEXT)")', monkeypatch)
    upgraded = way(str(path))
    with plain(path) as connection:
        assert connection.execute("SELECT version_num FROM nccli_schema_version").fetchall() == [(name,)]
        assert connection.execute("SELECT COUNT(*) FROM note").fetchone() == (0,)
    with upgraded.read() as connection:
        assert [row["id"] for row in select_runs(connection)] == [key]


def test_an_upgrade_that_fails_half_way_changes_nothing(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_run(store, example_run())
    before = dump(path)
    body = """\
op.execute("CREATE TABLE note (run_id TEXT)")
op.execute("UPDATE run SET loss = 0")
op.add_column("run", sa.Column("extra", sa.Float()))
op.execute("INSERT INTO nowhere VALUES (1)")"""
    add_revision(tmp_path, body, monkeypatch)
    with pytest.raises(NccliError, match="nowhere"):
        Store.open(str(path))
    assert dump(path) == before


def test_a_first_schema_that_fails_half_way_leaves_no_half_schema(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_revision(tmp_path, 'op.execute("INSERT INTO nowhere VALUES (1)")', monkeypatch)
    with pytest.raises(NccliError, match="nowhere"):
        Store.create(str(path))
    with plain(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_rebuilding_the_run_table_keeps_every_child(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [save_run(store, example_run(seed)) for seed in range(3)]
    with store.read() as connection:
        records = run_records(connection, select_runs(connection, keys))
        history = select_history(connection, keys)
    body = """\
op.execute("DROP VIEW run_summary")
op.execute("DROP VIEW spectrum")
with op.batch_alter_table("run", recreate="always") as batch:
    batch.add_column(sa.Column("note", sa.String()))
    batch.alter_column("host", nullable=True)"""
    add_revision(tmp_path, body, monkeypatch)
    upgraded = Store.open(str(path))
    with upgraded.read() as connection:
        assert run_records(connection, select_runs(connection, keys)) == records
        assert select_history(connection, keys) == history
    assert all(finding.ok for finding in check_store(upgraded))
    with plain(path) as connection:
        assert connection.execute("SELECT COUNT(*) FROM run WHERE note IS NULL").fetchone() == (3,)


def test_an_upgrade_that_would_orphan_rows_is_undone(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_run(store, example_run())
    before = dump(path)
    add_revision(tmp_path, 'op.execute("DELETE FROM run")', monkeypatch)
    with pytest.raises(NccliError, match=r"would orphan rows of \w+: nothing changed"):
        Store.open(str(path))
    assert dump(path) == before


def test_foreign_keys_are_on_again_after_an_upgrade(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_run(store, example_run())
    add_revision(tmp_path, "pass", monkeypatch)
    with Store.open(str(path)).write() as connection:
        connection.exec_driver_sql("DELETE FROM run")
    with plain(path) as connection:
        assert connection.execute("SELECT COUNT(*) FROM layer").fetchone() == (0,)
