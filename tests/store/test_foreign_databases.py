"""Databases of other programs: refused where they clash with ours, untouched where they do not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nccli.errors import NothingFoundError, StoreError
from nccli.store import Store, save_run, select_runs
from tests.store.example_runs import example_run
from tests.store.plain_sql import plain


def make_database(path: Path, *statements: str) -> bytes:
    """Another program's database; returns its bytes."""
    with plain(path) as connection:
        for statement in statements:
            connection.execute(statement)
    return path.read_bytes()


@pytest.mark.parametrize("way", [Store.open, Store.create])
def test_a_database_with_a_run_table_of_its_own_is_refused(path: Path, way: Callable[[str], Store]) -> None:
    before = make_database(path, "CREATE TABLE run (distance REAL)", "INSERT INTO run VALUES (42.195)")
    with pytest.raises(StoreError, match="is a database of another program: it has a table 'run'"):
        way(str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "clash",
    [
        "CREATE TABLE Run (distance REAL)",
        "CREATE TABLE history (url TEXT)",
        "CREATE TABLE matrix (x REAL)",
        "CREATE VIEW spectrum AS SELECT 1 AS colour",
        "CREATE VIEW run AS SELECT 1 AS id",
    ],
)
def test_a_database_with_another_name_of_ours_is_refused_and_untouched(path: Path, clash: str) -> None:
    make_database(path, clash)
    before = schema(path)
    with pytest.raises(StoreError, match=r"runs\.db"):
        Store.create(str(path))
    assert schema(path) == before


def test_a_database_with_other_tables_can_hold_our_runs_too(path: Path) -> None:
    make_database(
        path,
        "CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY)",
        "INSERT INTO alembic_version VALUES ('their revision')",
        "CREATE TABLE person (name TEXT)",
        "INSERT INTO person VALUES ('Ada')",
    )
    theirs = schema(path)
    with pytest.raises(NothingFoundError, match="no run yet"):
        Store.open(str(path))
    store = Store.create(str(path))
    key = save_run(store, example_run())
    with store.read() as connection:
        assert [row["id"] for row in select_runs(connection)] == [key]
    assert theirs <= schema(path)
    with plain(path) as connection:
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [("their revision",)]
        assert connection.execute("SELECT * FROM person").fetchall() == [("Ada",)]


def test_a_database_of_another_program_keeps_its_journal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nccli.store.connection.store.choose_journal", lambda path, version: "wal")
    make_database(path, "CREATE TABLE person (name TEXT)")
    assert Store.create(str(path)).pragma("journal_mode") == "delete"


def schema(path: Path) -> set[tuple[str, str]]:
    """Names and definitions of everything in a database."""
    with plain(path) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_master"))
