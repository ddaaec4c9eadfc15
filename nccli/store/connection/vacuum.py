"""Giving the disk the pages that an upgrade has emptied."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

_MUCH = 0.1
"""Share of a file's pages above which their absence is worth rewriting it: a taste."""

_PATIENCE = 2
"""Seconds to wait for others, a taste: what stays empty is used by the runs to come."""


def give_back_space(path: Path) -> None:
    """Rewrite a file that has many empty pages without them; not where others use it or the disk is too full for it."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
        (empty,) = connection.execute("PRAGMA freelist_count").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        if empty > _MUCH * pages:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # until then the log holds the new file
