"""A whole copy of an SQLite store, made while others read and write it."""

import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from nccli.errors import StoreError
from nccli.store.connection.read_only import is_sealed, read_only_uri

_BUSY_SECONDS = 30  # as other connections wait
_PAGES = 4096
"""Copied at a time, 16 MiB: some 10 ms, for which writers wait."""

_RESTARTS = 3
"""Then the copy is made in one go: a taste."""


class _TooManyRestartsError(Exception):
    """Others write faster than a copy in steps is made."""


def copy_file(source: Path, target: Path, permit: Callable[[Path], None] = lambda path: None) -> None:
    """Copy a database by SQLite's online backup: the copy is one state of it, complete or not there at all.

    The copy is made in steps, between which others may write. Where that makes it begin anew too often, it is made in
    one go, during which they wait. The copy of a sealed store is not sealed.

    Args:
        source: the database.
        target: the copy; what is there is replaced.
        permit: raises where the copy must not be moved into its place.

    Raises:
        StoreError: the copy cannot be written, or the source cannot be read.
    """
    target = target.resolve()
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
        os.close(descriptor)
    except OSError as error:
        raise StoreError(f"no copy of {source} can be made at {target}: {error.strerror}") from error
    temporary = Path(name)
    try:
        try:
            _copy(source, temporary, _PAGES)
        except _TooManyRestartsError:
            temporary.write_bytes(b"")
            _copy(source, temporary, -1)
        temporary.chmod(source.stat().st_mode & 0o777 | 0o600)
        _to_disk(temporary)
        permit(target)
        temporary.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"no copy of {source} can be made at {target}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _copy(source: Path, target: Path, pages: int) -> None:
    left, restarts = None, 0

    def watch(_: int, remaining: int, __: int) -> None:
        nonlocal left, restarts
        restarts += left is not None and remaining > left
        left = remaining
        if restarts > _RESTARTS and pages > 0:
            raise _TooManyRestartsError

    with (
        closing(sqlite3.connect(read_only_uri(source), uri=True, timeout=_BUSY_SECONDS)) as reader,
        closing(sqlite3.connect(target, timeout=_BUSY_SECONDS)) as writer,
    ):
        reader.backup(writer, pages=pages, progress=watch, sleep=0.01)
        writer.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        if is_sealed(source):
            writer.execute("PRAGMA application_id=0")


def _to_disk(path: Path) -> None:
    """Wait until a file and its name in the folder have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
