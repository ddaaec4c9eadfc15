"""What opening a store does and refuses to do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nccli.errors import NothingFoundError, StoreError, StoreVersionError
from nccli.store import Store, run_records, save_run, select_runs
from tests.store.example_runs import example_run
from tests.store.plain_sql import plain


def test_a_store_that_is_not_there_is_not_found_and_not_made(path: Path) -> None:
    with pytest.raises(NothingFoundError, match=r"no store at .*runs\.db: run a command that makes runs"):
        Store.open(str(path))
    assert not path.exists()


def test_an_empty_file_is_an_empty_store(path: Path) -> None:
    path.touch()
    with pytest.raises(NothingFoundError, match="is empty: it has no run yet"):
        Store.open(str(path))
    assert path.read_bytes() == b""
    Store.create(str(path))
    with Store.open(str(path)).read() as connection:
        assert select_runs(connection) == []


def test_a_store_with_a_newer_schema_is_refused_and_left_alone(store: Store, path: Path) -> None:
    with plain(path) as connection:
        connection.execute("UPDATE nccli_schema_version SET version_num = '9999'")
    before = path.read_bytes()
    for way in (Store.open, Store.create):
        with pytest.raises(StoreVersionError, match=r"runs\.db has schema 9999.*upgrade nccli") as caught:
            way(str(path))
        assert caught.value.exit_code == 6
    assert path.read_bytes() == before


@pytest.mark.parametrize("way", [Store.open, Store.create])
def test_a_text_file_is_refused_and_left_alone(path: Path, way: Callable[[str], Store]) -> None:
    for text in ("notes", "a longer text\n" * 1000):
        path.write_text(text)
        with pytest.raises(StoreError, match="is not an SQLite database: name another file"):
            way(str(path))
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("way", [Store.open, Store.create])
def test_a_folder_is_refused(tmp_path: Path, way: Callable[[str], Store]) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        way(str(tmp_path))


@pytest.mark.parametrize("parent", ["missing", "file"])
def test_a_place_without_a_folder_is_refused(tmp_path: Path, parent: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=rf"the folder .*{parent} does not exist"):
        Store.create(str(tmp_path / parent / "runs.db"))
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_place_that_the_system_refuses_is_a_store_error() -> None:
    with pytest.raises(StoreError):
        Store.create("/proc/nccli.db")


def test_reading_leaves_the_file_unchanged(store: Store, path: Path) -> None:
    for seed in range(3):
        save_run(store, example_run(seed))
    before, stamp = path.read_bytes(), path.stat().st_mtime_ns
    with Store.open(str(path)).read() as connection:
        assert len(run_records(connection, select_runs(connection))) == 3
    Store.create(str(path))
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == stamp
    assert list(path.parent.iterdir()) == [path]
