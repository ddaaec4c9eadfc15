"""Which files are a store, or belong to one: by identity and by the first bytes, so that no link disguises them.

What belongs to a store lies beside it, and its name begins with the store's own.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from nccli.file_header import header

JOURNALS = ("-journal", "-wal", "-shm")
"""Ends of the names of SQLite's own files."""

BACKUP = "-backup-"
BEFORE_UPGRADE = "-before-upgrade-from-"
CHECKPOINT = "-checkpoint-"
RESCUE = "-rescue-"
DAMAGED = "-damaged-"
SET_ASIDE = "-set-aside-"
SWEEP = "-sweep-"

ON_A_SERVER = Path("nccli")
"""Stands for the file where the store is on a server: what belongs to it lies in the current folder."""

_MAGIC = b"SQLite format 3\0"
_MARKS = re.compile(
    rf"(?P<JOURNAL>(?:{'|'.join(JOURNALS)})$)|(?P<BACKUP>{BACKUP}|{BEFORE_UPGRADE}|{DAMAGED}|{SET_ASIDE})|(?P<CHECKPOINT>{CHECKPOINT})"
    rf"|(?P<RESCUE>{RESCUE})|(?P<SWEEP>{SWEEP})",
    re.IGNORECASE,
)


class Role(StrEnum):
    """What a file is to a store, in the words of a message; of several the first counts."""

    STORE = "the store itself"
    JOURNAL = "a journal of a store"
    CHECKPOINT = "a checkpoint of a store"
    RESCUE = "a rescue file of a store"
    BACKUP = "a backup of a store"
    SWEEP = "the folder of a sweep"
    DATABASE = "an SQLite database"


def role_of(path: Path, store: Path | None) -> Role | None:
    """What a file is, or would be if it were made, that nothing may be written over; None for any other file.

    Args:
        path: the file; symbolic links are followed, hard links recognised.
        store: file of the store in use, there or not; None where it is on a server.

    Raises:
        OSError: a file is there that cannot be read.
    """
    return min(_roles(path, store), key=list(Role).index, default=None)


def _roles(path: Path, store: Path | None) -> Iterator[Role]:
    if store is not None and same_file(path, store):
        yield Role.STORE
    near = store or ON_A_SERVER
    for name in (real_path(path), real_path(path.parent) / path.name):
        yield from _by_name(name, near)
    if path.is_file():
        for belonging in _beside(near):
            if same_file(path, belonging):
                yield from _by_name(belonging, near)
        if is_database(path):
            yield Role.DATABASE


def is_database(path: Path) -> bool:
    """Whether a file is there that holds an SQLite database; a pipe or a device is not opened.

    Raises:
        OSError: it cannot be read.
    """
    return path.is_file() and header(path).startswith(_MAGIC)


def may_be_database(path: Path) -> bool:
    """As `is_database`; of a file that cannot be read nothing is known, and it is none."""
    with suppress(OSError):
        return is_database(path)
    return False


def same_file(one: Path, other: Path) -> bool:
    """Whether two names lead to one file, or would if it were made."""
    with suppress(OSError):
        return one.samefile(other)
    return real_path(one) == real_path(other)


def journals(path: Path) -> list[Path]:
    """Journals that lie beside a database: SQLite would play them into another that takes its place."""
    found = (real_path(path).with_name(f"{real_path(path).name}{end}") for end in JOURNALS)
    return [journal for journal in found if journal.exists()]


def is_stream(path: Path) -> bool:
    """Whether a pipe, a terminal or another device is there: what is written to it replaces nothing."""
    with suppress(OSError, ValueError):
        mode = path.stat().st_mode
        return not S_ISREG(mode) and not S_ISDIR(mode)
    return False


def real_path(path: Path) -> Path:
    """Where a name leads, whether or not a file is there; a circle of links leads to one of them."""
    return Path(os.path.realpath(path))


def _by_name(path: Path, store: Path) -> Iterator[Role]:
    """The roles that a name shows beside a store, or beside any other database; of temporary files too."""
    for name in (path.name, path.name.removeprefix(".")):
        for mark in _MARKS.finditer(name, 1):
            owner = path.with_name(name[: mark.start()])
            if same_file(owner, store) or may_be_database(owner):
                yield Role[str(mark.lastgroup)]


def _beside(store: Path) -> Iterator[Path]:
    """What may belong to a store, by its name."""
    for folder in {real_path(store.parent), real_path(store).parent}:
        with suppress(OSError):
            yield from (Path(entry) for entry in os.scandir(folder) if _MARKS.search(entry.name, 1))
