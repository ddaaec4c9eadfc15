"""A file is written completely or not at all."""

import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from nccli.atomic import atomic_write


def test_a_file_appears_with_all_its_bytes(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "out.bin") as file:
        file.write(b"first ")
        assert not (tmp_path / "out.bin").exists()
        file.write(b"second")
    assert (tmp_path / "out.bin").read_bytes() == b"first second"
    assert list(tmp_path.iterdir()) == [tmp_path / "out.bin"]


def write_half(target: Path, fault: type[BaseException]) -> None:
    """Begin to write, and fail."""
    with atomic_write(target) as file:
        file.write(b"half of it")
        raise fault


@pytest.mark.parametrize("fault", [RuntimeError, OSError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_fault_leaves_what_was_there(tmp_path: Path, fault: type[BaseException], old: bytes | None) -> None:
    target = tmp_path / "out.bin"
    if old is not None:
        target.write_bytes(old)
    with pytest.raises(fault):
        write_half(target, fault)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == ({} if old is None else {"out.bin": old})


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    with target.open("rb") as reader, atomic_write(target) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
        assert reader.read() == b"old"
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        with atomic_write(tmp_path / "out.bin") as file:
            file.write(b"x")
        assert stat.S_IMODE((tmp_path / "out.bin").stat().st_mode) == mode
        assert os.umask(mask) == mask
    finally:
        os.umask(before)


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "missing" / "out.bin"):
        pytest.fail("opened a file in a folder that does not exist")


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"), atomic_write(tmp_path / "folder") as file:
        file.write(b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "target.bin", tmp_path / "link.bin"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_pipe_is_written_to_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    with atomic_write(pipe) as file:
        file.write(b"through the pipe")
    reader.join(10)
    assert received == [b"through the pipe"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_two_writers_leave_one_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    with atomic_write(target) as first, atomic_write(target) as second:
        first.write(b"1" * 10_000)
        second.write(b"2" * 20_000)
    assert target.read_bytes() in (b"1" * 10_000, b"2" * 20_000)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("length", [200, 255])
def test_any_legal_file_name_will_do(tmp_path: Path, length: int) -> None:
    target = tmp_path / ("x" * length)
    with atomic_write(target) as file:
        file.write(b"x")
    assert target.read_bytes() == b"x"


def test_a_database_is_replaced_by_nothing_whatever_its_name(tmp_path: Path) -> None:
    store, link = tmp_path / "runs.db", tmp_path / "runs.db-checkpoint-0123456789ab.npz"
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("CREATE TABLE t (x)")
    before = store.read_bytes()
    link.symlink_to(store)
    with pytest.raises(OSError, match="an SQLite database"), atomic_write(link):
        pytest.fail("opened a database for writing")
    link.unlink()
    with pytest.raises(OSError, match="an SQLite database"), atomic_write(link):
        link.hardlink_to(store)
    assert store.read_bytes() == link.read_bytes() == before
    assert set(tmp_path.iterdir()) == {store, link}


def test_a_pipe_is_written_once_somebody_reads_it_and_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Timer(0.3, lambda: read.append(pipe.read_bytes()))
    reader.start()
    with atomic_write(pipe) as file:
        file.write(b"late")
    reader.join()
    assert read == [b"late"]
    monkeypatch.setattr("nccli.atomic._SECONDS", 0.1)
    with pytest.raises(TimeoutError, match="nobody reads the pipe"), atomic_write(pipe):
        pass
