"""Reading an SQLite file that this user may not write.

With write-ahead logging SQLite makes two files beside the store for whoever reads it. Where it cannot, it refuses;
where it can, they are the reader's own and stay, and the store's owner may not write any more. Where they are not there
nobody has the store open, so it is read as a file that does not change ("immutable").
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nccli.errors import StoreError

_WAL = b"\2\2"
"""Bytes 18 and 19 of a file with write-ahead logging (sqlite.org/fileformat.html)."""


def is_frozen(path: Path) -> bool:
    """Whether the file is to be read as one that does not change."""
    try:
        path = path.resolve()
        writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
        if writable or any(path.with_name(path.name + end).exists() for end in ("-wal", "-shm")):
            return False
        with path.open("rb") as opened:
            return opened.read(20)[18:] == _WAL
    except OSError:
        return False


def read_only_uri(path: Path) -> str:
    """The file as SQLite opens it for reading alone."""
    return f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if is_frozen(path) else ''}"


@contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Read a file that SQLite takes for one that does not change.

    Raises:
        StoreError: it has changed meanwhile.
    """
    frozen, before = is_frozen(path), _state(path)
    try:
        yield
    except StoreError as error:
        if frozen and _state(path) != before:
            raise _changed(path) from error
        raise
    if frozen and _state(path) != before:
        raise _changed(path)


def _changed(path: Path) -> StoreError:
    return StoreError(f"the store {path} was written while it was read: try again")


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
