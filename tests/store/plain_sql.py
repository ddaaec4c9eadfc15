"""The store as any other program sees it: through sqlite3 alone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def plain(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that commits, and closes, at the end."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def dump(path: Path) -> list[str]:
    """Schema and contents of a database as SQL."""
    with plain(path) as connection:
        return list(connection.iterdump())
