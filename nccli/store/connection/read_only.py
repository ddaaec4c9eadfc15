"""Reading an SQLite file that is not to be written: it is sealed, or this user may not.

With write-ahead logging SQLite makes two files beside the store for whoever reads it. Where it cannot, it refuses;
where it can, they are the reader's own and stay, and the store's owner may not write any more. Where they are not there
nobody has the store open, so it is read as a file that does not change ("immutable").
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nccli.errors import StoreError
from nccli.file_header import header
from nccli.store_files import journals

SEAL = int.from_bytes(b"nccs")
"""SQLite's application id of a sealed store: it lies in the file, so that copies and clones are sealed too."""

_MAGIC, _APPLICATION_ID = b"SQLite format 3\0", slice(68, 72)
_WAL = b"\2\2"
"""Bytes 18 and 19 of a file with write-ahead logging (sqlite.org/fileformat.html)."""

_ANYBODY = 0o222


def is_sealed(path: Path) -> bool:
    """Whether a file is there that holds a database with the mark of a sealed store."""
    head = _head(path)
    return head.startswith(_MAGIC) and int.from_bytes(head[_APPLICATION_ID]) == SEAL


def is_writable(path: Path) -> bool:
    """Whether this user may write a file and what SQLite makes beside it; what nobody may write, root does not."""
    place = path.resolve()
    try:
        open_to_some = all(each.stat().st_mode & _ANYBODY for each in (place, place.parent))
    except OSError:
        return False
    return open_to_some and os.access(place, os.W_OK) and os.access(place.parent, os.W_OK)


def is_frozen(path: Path) -> bool:
    """Whether the file is to be read as one that does not change."""
    try:
        path = path.resolve()
        if journals(path):  # somebody has it open, or died while writing
            return False
        return is_sealed(path) or (_head(path)[18:20] == _WAL and not is_writable(path))
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


def _head(path: Path) -> bytes:
    try:
        return header(path)
    except OSError:
        return b""


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
