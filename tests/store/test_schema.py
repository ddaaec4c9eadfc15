"""The migrations and the SQLModel tables describe one and the same schema."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from nccli.store import Store
from nccli.store.schema.migrate import REVISIONS, VERSION_TABLE, migrations_folder, upgrade
from nccli.store.schema.tables import Claim, History, Layer, Matrix, Run, SingularValue, Worker
from tests.fresh_schema import FreshSchema
from tests.store.plain_sql import plain

TABLES = [str(table.__tablename__) for table in (Run, Layer, SingularValue, History, Matrix, Worker, Claim)]


def facts(path: Path, table: str) -> dict[str, Any]:
    """What SQLite enforces of a table."""
    with plain(path) as connection:
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", [table]).fetchone()
        columns = connection.execute('SELECT name, "notnull", pk FROM pragma_table_info(?)', [table])
        keys = connection.execute('SELECT "table", "from", "to", on_delete FROM pragma_foreign_key_list(?)', [table])
        return {
            "columns": sorted(columns),
            "foreign keys": sorted(keys),
            "rowid": "WITHOUT ROWID" not in sql.upper(),
        }


def test_a_migrated_store_has_no_drift_from_the_tables(store: Store) -> None:
    with store.read() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata) == []


@pytest.mark.parametrize("table", TABLES)
def test_a_migrated_table_is_enforced_as_the_declared_one(store: Store, path: Path, tmp_path: Path, table: str) -> None:
    declared = tmp_path / "declared.db"
    engine = create_engine(f"sqlite:///{declared}")
    SQLModel.metadata.create_all(engine)
    engine.dispose()
    assert facts(path, table) == facts(declared, table)


def test_the_schema_that_the_tests_get_is_that_of_the_migrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nccli.store.connection.store.upgrade", FreshSchema(upgrade))
    schemas = []
    for name in ("migrated", "made again"):
        Store.create(str(tmp_path / name))
        with plain(tmp_path / name) as connection:
            schemas.append(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall())
            (revision,) = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
        assert revision == REVISIONS[-1]
    assert sorted(schemas[0], key=str) == sorted(schemas[1], key=str)


@pytest.mark.parametrize("table", [table for table in TABLES if table not in ("run", "worker")])
def test_every_child_goes_with_its_run(store: Store, path: Path, table: str) -> None:
    keys = facts(path, table)["foreign keys"]
    assert keys
    assert {on_delete for *_, on_delete in keys} == {"CASCADE"}


def test_the_known_revisions_are_those_in_the_folder_in_order() -> None:
    found = []
    for file in sorted((migrations_folder() / "versions").glob("*.py")):
        assigned = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        assert re.match(r"\d{4}_", file.name)
        assert file.name.startswith(assigned["revision"])
        assert assigned["down_revision"] == (found[-1] if found else None)
        found.append(assigned["revision"])
    assert tuple(found) == REVISIONS


def test_our_version_table_is_not_alembics(store: Store, path: Path) -> None:
    with plain(path) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {*TABLES, "nccli_schema_version"}
