"""A sealed store: whoever reads it leaves every byte and the folder as they were, and nobody writes it."""

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from nccli.errors import StoreError
from nccli.store import Store, copy_file, merge_stores, run_records, save_run, seal_file, select_runs, unseal_file
from nccli.store.connection.read_only import SEAL, is_sealed
from nccli.store.schema.migrate import REVISIONS
from nccli.store_files import may_be_database
from tests.store.example_runs import example_run
from tests.store.plain_sql import plain

OLDER = Path(__file__).with_name("released") / "0009.db.gz"

SEALED = b"SQLite format 3\0" + bytes(52) + SEAL.to_bytes(4) + bytes(28)


@pytest.fixture
def sealed(path: Path) -> Path:
    """With write-ahead logging before it was sealed."""
    store = Store.create(str(path))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode=wal").fetchone() == ("wal",)
    for seed in range(2):
        save_run(store, example_run(seed))
    seal_file(path)
    return path


@pytest.fixture
def older(path: Path) -> Path:
    """Sealed by an nccli of the time of schema 0009, and with write-ahead logging by somebody who did not seal well."""
    path.write_bytes(gzip.decompress(OLDER.read_bytes()))
    with plain(path) as connection:
        connection.execute("PRAGMA journal_mode=wal")
        connection.execute(f"PRAGMA application_id={SEAL}")
    return path


def state(path: Path) -> tuple[list[str], bytes, int]:
    """What lies in the folder, and what is in the file."""
    return sorted(each.name for each in path.parent.iterdir()), path.read_bytes(), path.stat().st_mtime_ns


def read(path: Path) -> int:
    """How many runs there are, all of them read."""
    with Store.open(str(path)).read() as connection:
        return len(run_records(connection, select_runs(connection)))


def test_sealing_leaves_one_file_without_empty_pages(sealed: Path) -> None:
    assert list(sealed.parent.iterdir()) == [sealed]
    with plain(sealed) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)


def test_reading_leaves_file_and_folder_as_they_were(sealed: Path) -> None:
    before = state(sealed)
    store = Store.open(str(sealed))
    with store.read() as connection:
        assert len(select_runs(connection)) == 2
        assert state(sealed) == before, "while it is read, too"
    assert store.copy is None
    assert state(sealed) == before


def test_an_older_schema_is_read_through_a_copy_that_is_made_once(older: Path) -> None:
    before = state(older)
    stores = [Store.open(str(older)) for _ in range(2)]
    assert {(store.copied_from, store.revision, store.location) for store in stores} == {
        ("0009", REVISIONS[-1], str(older))
    }
    assert len({store.copy for store in stores}) == 1
    assert read(older) == 12
    assert state(older) == before


def test_a_copy_is_gone_with_its_process_and_what_is_killed_leaves_nothing_beside_the_store(
    older: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before, elsewhere = state(older), tmp_path_factory.mktemp("temporary")
    script = "import os, sys; from nccli.store import Store; store = Store.open(sys.argv[1]); print(store.copy)\n"
    script += "with store.read() as connection:\n    os.kill(os.getpid(), int(sys.argv[2]))"
    for sign, code in ((0, 0), (signal.SIGKILL, -signal.SIGKILL)):
        command = [sys.executable, "-c", script, str(older), str(int(sign))]
        done = subprocess.run(
            command, env={**os.environ, "TMPDIR": str(elsewhere)}, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        assert sign or not Path(done.stdout.strip()).exists()
        assert sign or list(elsewhere.iterdir()) == []
        assert state(older) == before


@pytest.mark.parametrize("way", [Store.create, lambda place: save_run(Store.open(place), example_run(7))])
@pytest.mark.parametrize("kind", ["sealed", "older"])
def test_it_is_not_written(request: pytest.FixtureRequest, kind: str, way: Callable[[str], object]) -> None:
    path = request.getfixturevalue(kind)
    before = state(path)
    with pytest.raises(StoreError, match=r"is sealed: .* --unseal .*\n.*nccli store backup COPY\.db") as caught:
        way(str(path))
    assert caught.value.exit_code == 5
    assert state(path) == before


def test_who_has_it_open_when_it_is_sealed_writes_it_no_more(store: Store, path: Path) -> None:
    save_run(store, example_run(0))
    seal_file(path)
    before = state(path)
    with pytest.raises(StoreError, match="is sealed"):
        save_run(store, example_run(1))
    assert state(path) == before


def test_a_store_that_is_being_read_is_not_sealed(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nccli.store.connection.seal._PATIENCE", 0.1)
    save_run(store, example_run(0))
    with store.read() as connection:
        select_runs(connection)
        with pytest.raises(StoreError, match="is in use: end what reads or writes it"):
            seal_file(path)
    assert not is_sealed(path)


def test_it_is_written_again_when_it_is_unsealed_and_a_copy_is_not_sealed(sealed: Path, tmp_path: Path) -> None:
    copy_file(sealed, tmp_path / "copy.db")
    for path in (tmp_path / "copy.db", sealed):
        unseal_file(path)  # of the copy there is nothing to do
        save_run(Store.open(str(path)), example_run(2))
        assert read(path) == 3
    unseal_file(sealed)
    assert not is_sealed(sealed)


def test_to_ask_whether_a_store_is_sealed_gives_no_lock_away(store: Store, path: Path) -> None:
    taken = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
    with store.write():
        assert not is_sealed(path)
        assert may_be_database(path)
        assert not store.is_sealed
        with store.read():
            pass
        ended = subprocess.run([sys.executable, "-c", taken, path], capture_output=True, text=True, check=False)
    assert "database is locked" in ended.stderr


def test_many_files_are_looked_at_with_few_handles(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number}.db").write_bytes(SEALED if number % 2 else b"")
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    assert [is_sealed(tmp_path / f"{number}.db") for number in range(200)] == [False, True] * 100
    assert len(list(Path("/proc/self/fd").iterdir())) < open_before + 100
    (tmp_path / "1.db").write_bytes(b"")
    assert not is_sealed(tmp_path / "1.db")


def test_it_can_be_merged_from(older: Path, tmp_path: Path) -> None:
    before = older.read_bytes()
    assert merge_stores([str(older)], Store.create(str(tmp_path / "all.db"))).added == 12
    assert older.read_bytes() == before


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_what_nobody_may_write_is_read_as_it_is_and_not_written_by_root_either(path: Path, closed: str) -> None:
    path.write_bytes(gzip.decompress(OLDER.read_bytes()))
    target = path if closed == "file" else path.parent
    before, mode = state(path), target.stat().st_mode
    target.chmod(mode & ~0o222)
    try:
        assert Store.open(str(path)).copied_from == "0009"
        assert read(path) == 12
        with pytest.raises(StoreError, match="cannot be written: check the permissions"):
            save_run(Store.open(str(path)), example_run(0))
        assert state(path) == before
    finally:
        target.chmod(mode)
