"""Whether a store is sound."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from nccli.store._journal import file_system
from nccli.store._migrate import REVISIONS, current_revision
from nccli.store._store import Store
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
        runs = connection.scalar(select(func.count()).select_from(Run))
        findings = [Finding("schema", revision, revision == REVISIONS[-1]), Finding("runs", runs, True)]
        if store.path is None:
            return findings
        integrity = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check(5)")]
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    journal = str(store.pragma("journal_mode"))
    return [
        *findings,
        Finding("journal", journal, journal in ("wal", "delete")),
        Finding("file system", file_system(store.path.absolute().parent), True),
        Finding("integrity", "; ".join(integrity), integrity == ["ok"]),
        Finding("orphan rows", len(orphans), not orphans),
    ]
