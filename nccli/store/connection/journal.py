"""Which SQLite journal is safe where a store lies."""

from pathlib import Path

from nccli.store.connection.file_system import file_system, is_network


def wal_is_sound(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite has no known fault in write-ahead logging.

    The WAL-reset corruption of 3.7.0 to 3.51.2 is fixed in 3.51.3, 3.50.7 and 3.44.6.
    """
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def choose_journal(path: Path, version: tuple[int, int, int]) -> str:
    """Return "wal" where SQLite and the file system are known to carry it, else "delete", the rollback journal."""
    local = is_network(file_system(path.resolve().parent)) is False
    return "wal" if wal_is_sound(version) and local else "delete"
