"""Lists of any length are read a page at a time, by several processes where that pays."""

import json
from pathlib import Path

import pytest

from nccli.cli import run_pages
from nccli.cli.options import OutputFormat
from nccli.cli.run_pages import PageReader, read_pages
from nccli.errors import SomeRunsFailedError
from nccli.store import Store, record_keys, remove_runs, run_records, save_run, select_ids, select_runs
from tests.cli.command import Nccli
from tests.cli.sql import change
from tests.long_cases import every
from tests.store.example_runs import example_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Seven runs, where the command looks for them."""
    store = Store.create(str(tmp_path / "nccli.db"))
    for seed in range(7):
        save_run(store, example_run(seed))
    return store


@pytest.fixture(params=[1, 2])
def crew(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Pages of two runs, read by so many processes."""
    monkeypatch.setattr(run_pages, "_AT_ONCE", 2)
    monkeypatch.setattr(run_pages, "_MANY", 1)
    monkeypatch.setattr(run_pages, "cores", lambda: request.param)
    return int(request.param)


def newest_first(store: Store) -> list[str]:
    """Ids of all runs."""
    with store.read() as connection:
        return select_ids(connection)


def test_lists_are_those_of_one_page(crew: int, store: Store, run: Nccli, monkeypatch: pytest.MonkeyPatch) -> None:
    formats = ("jsonl", "json", "csv", "table")
    lines = [f"runs list --limit 0 --format {each}" for each in (formats if crew == 1 else formats[:1])]
    in_pages = [run(line).out for line in lines]
    monkeypatch.setattr(run_pages, "_AT_ONCE", 100)
    assert in_pages == [run(line).out for line in lines]
    records = [json.loads(line) for line in in_pages[0].splitlines()]
    assert crew > 1 or json.loads(in_pages[1]) == records
    assert [record["id"] for record in records] == newest_first(store)


@pytest.mark.usefixtures("crew")
@pytest.mark.parametrize("crew", every(2, [1, 2]), indirect=True)
def test_runs_that_cannot_be_read_are_named_as_they_are_met(store: Store, run: Nccli, tmp_path: Path) -> None:
    ids = newest_first(store)
    change(tmp_path / "nccli.db", f"UPDATE run SET loss = 'low' WHERE id IN ('{ids[1]}', '{ids[5]}')")
    ended = run("runs list --limit 0", code=4)
    assert [json.loads(line)["id"] for line in ended.out.splitlines()] == [ids[i] for i in (0, 2, 3, 4, 6)]
    assert all(f"run {ids[i]} cannot be read" in ended.err for i in (1, 5))
    assert ended.err.splitlines()[-1].startswith("nccli: 2 runs cannot be read")
    change(tmp_path / "nccli.db", "UPDATE run SET loss = 'low'")
    assert "none of the runs can be read" in run("runs list --limit 0", code=4).err


def test_runs_are_read_while_others_write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_pages, "_AT_ONCE", 2)
    ids = newest_first(store)
    with store.read() as connection:
        whole = run_records(connection, select_runs(connection, ids))
    found = read_pages(PageReader(store.location, 1e-2, OutputFormat.table), ids)
    first = next(found)
    save_run(store, example_run(7))
    remove_runs(store, [ids[-1]])
    assert [first, *found] == whole[:-1]


def test_csv_has_the_cells_of_the_header(store: Store, run: Nccli) -> None:
    header, *rows = run("runs list --limit 0 --format csv").out.splitlines()
    assert header.split(",") == record_keys(store, newest_first(store))
    assert len(rows) == 7


def test_none_that_can_be_read_is_an_error(store: Store) -> None:
    change(Path(store.location), "UPDATE run SET loss = 'low'")
    with pytest.raises(SomeRunsFailedError, match="none"):
        list(read_pages(PageReader(store.location, 1e-2, OutputFormat.table), newest_first(store)))
