"""Pages of runs, read and looked over at once: the records of `run_records`, and nothing that cannot be read."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from nccli import strict_json
from nccli.store import (
    Store,
    page_records,
    record_lines,
    run_pages,
    run_records,
    save_run,
    select_ids,
    select_runs,
    unreadable_runs,
)
from nccli.store.query import run_page
from nccli.store.runs.rules import RULES
from tests.store.example_runs import example_layers, example_run
from tests.store.junk import shared_out

READ = ("layer", "singular_value")
COLUMNS = [(table, name) for table in ("run", *READ) for name in RULES[table] if name != "id"]
NETWORKS = Path(__file__).parents[2] / "examples" / "networks.db"


def lines(connection: Connection, ids: list[str], rtol: float = 1e-2) -> list[str] | None:
    """Lines of runs by pages; None if a page is not sure. Their records are the same."""
    found: list[str] = []
    for _, page in run_pages(connection, ids, rtol):
        if page is None:
            return None
        told = record_lines(page)
        assert told == [strict_json.dumps(record) for record in page_records(page)]
        found += told
    return found


def plain_lines(connection: Connection, ids: list[str], rtol: float = 1e-2) -> list[str]:
    """The same by way of records of rows."""
    return [strict_json.dumps(record) for record in run_records(connection, select_runs(connection, ids), rtol)]


@pytest.fixture
def ids(store: Store) -> list[str]:
    """Runs of many kinds, in no order."""
    kept = [
        example_run(0, tag='Gödel ≥ \\ "½"', seconds=1e-5),
        example_run(1, status="diverged", layers=[], loss=math.nan, fit=math.inf, history=[]),
        example_run(2, config={"wd_layers": (0.1, 0.2, 1e22)}, dataset="digits", epochs=3, train_accuracy=1.0),
        example_run(2**62, layers=example_layers(0, rank=2), loss_dnc=5e-324, loss_srg=1e-7),
        example_run(4, status="interrupted", layers=[], loss=math.nan, loss_dnc=None),
        example_run(5, layers=[layer for layer in example_layers(5) if layer.layer < 3][:3], status="failed"),
    ]
    found = [save_run(store, run) for run in kept]
    with store.write() as connection:
        connection.execute(text("UPDATE layer SET nc1_pinv = 0.1, name = 'fc'' \\ \"é\"' WHERE layer = 2"))
        connection.execute(text("UPDATE layer SET dnc2 = NULL WHERE layer = 3"))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("rtol", [1e-2, 0.3])
@pytest.mark.parametrize("most", [200_000, 25])
def test_lines_of_pages_are_those_of_records(
    store: Store, ids: list[str], rtol: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_page, "_MOST_VALUES", most)
    with store.read() as connection:
        assert lines(connection, ids, rtol) == plain_lines(connection, ids, rtol)


def test_pages_have_the_runs_of_the_order_asked_for_and_few_values(
    store: Store, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_page, "_MOST_VALUES", 25)
    with store.read() as connection:
        parts = list(run_pages(connection, ids))
        assert [key for part, _ in parts for key in part] == ids
        assert all(page is not None and len(page.values) <= 25 for _, page in parts)


def test_networks_and_their_data_are_read_too() -> None:
    store = Store.open(str(NETWORKS))
    with store.read() as connection:
        ids = select_ids(connection)
        assert lines(connection, ids) == plain_lines(connection, ids)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[str]]:
    """A store of three runs, which is left as it is, and their ids."""
    made = Store.create(str(tmp_path_factory.mktemp("three") / "runs.db"))
    return made, [save_run(made, example_run(seed)) for seed in range(3)]


@pytest.mark.parametrize(("table", "name", "values"), shared_out(COLUMNS))
def test_a_page_with_a_run_that_cannot_be_read_is_not_sure(
    three: tuple[Store, list[str]], table: str, name: str, values: tuple[Any, ...]
) -> None:
    store, keys = three
    owner = "id" if table == "run" else "run_id"
    with store.write() as connection:
        for junk in values:
            nested = connection.begin_nested()
            try:
                connection.execute(
                    text(f"UPDATE {table} SET \"{name}\" = :junk WHERE {owner} = '{keys[1]}' AND {ONE[table]}"),
                    {"junk": junk},
                )
            except IntegrityError:
                nested.rollback()
                continue
            found = lines(connection, keys)
            if found is not None:
                assert not unreadable_runs(connection, keys, READ), junk
                assert found == plain_lines(connection, keys), junk
            nested.rollback()


ONE = {"run": "1", "layer": "layer = 2 AND stage = 'post'", "singular_value": "stage = 'post' AND \"index\" = 4"}


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM layer WHERE layer = 3 AND stage = 'post'",
        'DELETE FROM singular_value WHERE layer = 2 AND "index" = 1',
        'DELETE FROM singular_value WHERE layer = 2 AND "index" = 2',
        "DELETE FROM singular_value WHERE layer = 2",
        'UPDATE singular_value SET layer = 7 WHERE layer = 3 AND "index" = 4',
        "DELETE FROM run WHERE seed = 1",
        "UPDATE run SET host = CAST(X'ff61' AS TEXT)",
        "UPDATE layer SET name = CAST(X'ff61' AS TEXT)",
    ],
)
def test_what_is_not_whole_is_not_sure(path: Path, store: Store, change: str) -> None:
    keys = [save_run(store, example_run(seed)) for seed in range(3)]
    with store.read() as connection:
        assert lines(connection, keys) is not None
    with closing(sqlite3.connect(path)) as connected:
        connected.execute(change)
        connected.commit()
    with store.read() as connection:
        assert lines(connection, keys) is None


def test_an_id_that_is_no_text_is_not_sure(path: Path, store: Store) -> None:
    save_run(store, example_run(0))
    with closing(sqlite3.connect(path)) as connected:
        connected.execute("UPDATE run SET id = X'ff00'")
        connected.commit()
    with store.read() as connection:
        assert list(run_pages(connection, select_ids(connection))) == [([b"\xff\x00"], None)]
