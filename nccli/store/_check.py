"""Whether a store is sound."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from nccli.store._journal import file_system
from nccli.store._migrate import REVISIONS, current_revision
from nccli.store._store import BUSY_SECONDS, Store
from nccli.store.tables import Run


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its name, what was found, whether that is as it should be."""

    check: str
    value: Any
    ok: bool


def check_store(store: Store) -> list[Finding]:
    """Look at schema, contents and, for SQLite, journal, file system, integrity and foreign keys.

    Raises:
        StoreError: the store cannot be read at all.
    """
    with store.read() as connection:
        revision = current_revision(connection)
        findings = [Finding("schema", revision, revision == REVISIONS[-1])]
        if store.path is None:
            runs = connection.scalar(select(func.count()).select_from(Run))
            return [*findings, Finding("runs", runs, True)]
    counted = _first_column(store.path, "SELECT COUNT(*) FROM run")
    integrity = _first_column(store.path, "PRAGMA integrity_check(5)")
    orphans = _first_column(store.path, "PRAGMA foreign_key_check")
    journal = _first_column(store.path, "PRAGMA journal_mode")
    damaged = integrity != ["ok"]
    return [
        *findings,
        Finding("runs", _listed(counted), isinstance(counted[-1], int)),
        Finding("journal", _listed(journal), journal in (["wal"], ["delete"])),
        Finding("file system", file_system(store.path.resolve().parent), True),
        Finding("integrity", _listed(integrity), not damaged),
        Finding("orphan rows", _listed(orphans) if damaged else len(orphans), not orphans),
    ]


def _first_column(path: Path, statement: str) -> list[Any]:
    """What SQLite answers, row by row; damage that ends the answer comes last, in SQLite's words."""
    found: list[Any] = []
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
    try:
        found.extend(row[0] for row in connection.execute(statement))
    except sqlite3.DatabaseError as error:
        found.append(str(error))
    finally:
        connection.close()
    return found


def _listed(values: list[Any]) -> Any:
    """A single value as it is, several as text."""
    return values[0] if len(values) == 1 else "; ".join(str(value) for value in values)
