"""A file that is read as one that does not change, and does: that is told, and no half of it is shown."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from nccli.errors import StoreError
from nccli.store import Store, save_run, select_runs
from nccli.store.connection import read_only
from nccli.store.schema.tables import RUN
from tests.store.example_runs import example_run


@pytest.fixture
def frozen(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with write-ahead logging that nobody has open and this user may not write, as root may everything."""
    save_run(Store.create(str(path)), example_run(0))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode=wal").fetchone() == ("wal",)
    monkeypatch.setattr(read_only.os, "access", lambda place, mode: mode != os.W_OK)
    return path


def test_it_is_read_and_no_file_is_made_beside_it(frozen: Path) -> None:
    with Store.open(str(frozen)).read() as connection:
        assert [row["seed"] for row in select_runs(connection)] == [0]
        assert list(frozen.parent.iterdir()) == [frozen]


def test_it_is_not_written(frozen: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written: check the permissions"):
        save_run(Store.open(str(frozen)), example_run(1))


def test_a_store_that_somebody_has_open_is_read_with_what_they_wrote(frozen: Path) -> None:
    with closing(sqlite3.connect(frozen, isolation_level=None)) as other:
        other.execute("UPDATE run SET seed = 7")
        with Store.open(str(frozen)).read() as connection:
            assert [row["seed"] for row in select_runs(connection)] == [7]


@pytest.mark.parametrize("torn", [False, True])
def test_a_change_meanwhile_is_told(frozen: Path, torn: bool) -> None:
    changed = Path(shutil.copy(frozen, frozen.with_name("changed.db")))

    def read() -> None:
        with Store.open(str(frozen)).read() as connection:
            connection.scalar(select(RUN.c.id))
            changed.replace(frozen)
            if torn:
                raise StoreError("what a torn file may lead to")

    with pytest.raises(StoreError, match="was written while it was read: try again"):
        read()


@pytest.mark.parametrize("content", [b"", b"short", b"SQLite format 3\0\x10\x00\1\1" + bytes(80)])
def test_other_files_are_opened_as_ever(frozen: Path, content: bytes) -> None:
    frozen.write_bytes(content)
    assert not read_only.is_frozen(frozen)
    assert not read_only.is_frozen(frozen.with_name("none.db"))
