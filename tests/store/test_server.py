"""What is of PostgreSQL alone; everything else about the store is tested against both databases."""

import threading
import time
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from nccli.errors import StoreError
from nccli.store import Store, check_store, merge_stores, read_contents, save_run, select_runs
from nccli.store.schema.migrate import migrations_folder
from tests.store.before_blocks import BEFORE, without_blocks
from tests.store.example_runs import double_run, example_run
from tests.store.plain_sql import plain
from tests.store.server import new_schema


@pytest.fixture
def url(server: str) -> str:
    """An empty schema."""
    return new_schema(server)


def connections(url: str, expected: int) -> int:
    """Connections to the server, beside the one that asks, once they are as many as expected, or after a while.

    A server takes a moment to end what a client has closed.
    """
    for _ in range(100):
        if (found := _connections(url)) == expected:
            break
        time.sleep(0.05)
    return found


def _connections(url: str) -> int:
    query = "SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def test_connections_are_closed_after_use(url: str) -> None:
    stores = [Store.create(url) for _ in range(5)]
    for seed, store in enumerate(stores):
        save_run(store, example_run(seed))
    with stores[0].read():
        assert connections(url, 1) == 1
    assert connections(url, 0) == 0


def test_a_writer_that_waits_too_long_says_that_the_store_is_busy(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Store.create(url)
    monkeypatch.setattr("nccli.store.connection.store.BUSY_SECONDS", 0.2)
    impatient = Store.open(url)
    with holder.write(), pytest.raises(StoreError, match=r"is busy: another process has been writing for 0\.2 s"):
        save_run(impatient, example_run())


def test_stores_in_different_schemas_do_not_wait_for_each_other(url: str, server: str) -> None:
    first, second = Store.create(url), Store.create(new_schema(server))
    writer = threading.Thread(target=save_run, args=(second, example_run()))
    with first.write():
        writer.start()
        writer.join(20)
        assert not writer.is_alive()


def test_a_store_on_a_server_and_one_in_a_file_merge_both_ways(url: str, path: Path) -> None:
    save_run(Store.create(url), example_run(0))
    save_run(Store.create(str(path)), example_run(1))
    assert merge_stores([str(path)], Store.open(url)).added == 1
    assert merge_stores([url], Store.open(str(path))).added == 1
    with Store.open(url).read() as connection:
        on_server = {row["id"]: row for row in select_runs(connection)}
    with Store.open(str(path)).read() as connection:
        assert {row["id"]: row for row in select_runs(connection)} == on_server
    with plain(path) as connection:
        assert connection.execute("SELECT COUNT(*) FROM matrix").fetchone() == (2,)


def test_a_server_that_is_not_there_is_a_store_error() -> None:
    with pytest.raises(StoreError, match=r"127\.0\.0\.1"):
        Store.create("postgresql://nccli@127.0.0.1:9/none?connect_timeout=2")


def test_an_older_store_on_a_server_gets_blocks_and_is_the_one_of_today(url: str, path: Path) -> None:
    keys = [save_run(Store.create(str(path)), double_run(seed)) for seed in range(3)]
    with Store.open(str(path)).read() as connection:
        before = list(read_contents(connection, keys))
    without_blocks(path)
    engine = create_engine(url)
    with engine.begin() as connection, plain(path) as older:
        config = Config()
        config.set_main_option("script_location", str(migrations_folder()))
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
        for table in ("run", "layer", "singular_value", "history", "matrix"):
            found = older.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in found.description]
            values = ", ".join(f":{name}" for name in names)
            listed = ", ".join(f'"{name}"' for name in names)
            rows = [dict(zip(names, row, strict=True)) for row in found]
            connection.execute(text(f'INSERT INTO "{table}" ({listed}) VALUES ({values})'), rows)
    engine.dispose()
    upgraded = Store.open(url)
    assert upgraded.upgraded_from == BEFORE
    assert all(finding.ok for finding in check_store(upgraded))
    with upgraded.read() as connection:
        after = list(read_contents(connection, keys))
    assert [content.checksum for content in after] == [content.checksum for content in before]
