"""Revision 0004 rebuilds the table of runs: every run, child and view is there afterwards."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from nccli.catalogue.runs import RESULT_VERSIONS
from nccli.store import Store, check_store, save_run, select_history, select_layers, select_runs
from nccli.store.schema.migrate import migrations_folder
from tests.store.before_blocks import without_blocks
from tests.store.example_runs import double_run, example_run
from tests.store.plain_sql import plain

KEEP = ("run", "layer", "singular_value", "history", "matrix")


def older_store(path: Path, run_from: Path) -> dict[str, int]:
    """A store at the revision before, with the rows of a newer one; how many of each table."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()))
        config.attributes["connection"] = connection
        command.upgrade(config, "0004-1")
    engine.dispose()
    counts = {}
    with plain(path) as connection:
        connection.execute(f"ATTACH '{run_from}' AS newer")
        for table in KEEP:
            columns = ", ".join(
                f'"{name}"' for (name,) in connection.execute(f"SELECT name FROM pragma_table_info('{table}')")
            )
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")
            (counts[table],) = connection.execute(f"SELECT COUNT(*) FROM main.{table}").fetchone()
        connection.commit()
    return counts


def test_runs_of_older_stores_come_through_with_all_that_belongs_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RESULT_VERSIONS, "dufm", 1)  # as it was then
    newer = tmp_path / "newer.db"
    keys = [save_run(Store.create(str(newer)), double_run(seed)) for seed in range(3)]
    without_blocks(newer)
    counts = older_store(tmp_path / "older.db", newer)
    store = Store.open(str(tmp_path / "older.db"))
    with plain(tmp_path / "older.db") as connection:
        for table in ("run", "layer", "singular_value"):
            assert connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (counts[table],)
        assert connection.execute("SELECT SUM(points) FROM history").fetchone() == (counts["history"],)
        for view in ("run_summary", "spectrum"):
            assert connection.execute(f"SELECT COUNT(DISTINCT id) FROM {view}").fetchone() == (3,)
    with store.read() as old, Store.open(str(newer)).read() as new:
        for select in (select_runs, select_layers, select_history):
            assert select(old, keys) == select(new, keys)
    assert all(finding.ok for finding in check_store(store))


def test_a_run_without_an_equivalent_dufm_is_stored_without_a_dnc_loss(store: Store) -> None:
    key = save_run(store, example_run(loss_dnc=None, loss_srg=None))
    with store.read() as connection:
        assert select_runs(connection, [key])[0]["loss_dnc"] is None
