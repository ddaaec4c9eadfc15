"""Whether a store is sound."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import exists, func, select

from nccli.catalogue.runs import ENDED_WELL
from nccli.store.connection.engine import in_a_line
from nccli.store.connection.file_system import file_system, is_network
from nccli.store.connection.read_only import read_only_uri
from nccli.store.connection.store import BUSY_SECONDS, Store
from nccli.store.runs.content import read_contents
from nccli.store.runs.makers import abandoned_runs, running_runs, settle_abandoned, silent_runs
from nccli.store.runs.sound import damage
from nccli.store.schema.checksum import run_ids
from nccli.store.schema.migrate import REVISIONS, current_revision
from nccli.store.schema.tables import CHILDREN, LAYER, RUN, SINGULAR_VALUE

BROKEN = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What SQLite raises for damage; its words on damaged text are not always text."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        check: its name.
        value: what was found.
        ok: whether that is as it should be.
        reasons: where it is not, of each thing that is wrong, by name.
        advice: what follows from it for whoever uses the store; "" for nothing.
    """

    check: str
    value: Any
    ok: bool
    reasons: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""


_SHARED = (
    "the store lies on a network file system ({system}): it keeps the rollback journal, and one process writes at a "
    "time\ntasks of a cluster write stores of their own, for nccli store merge, or into PostgreSQL"
)


def check_store(store: Store) -> list[Finding]:
    """Look at schema and contents and, for SQLite, at journal, file system, integrity and foreign keys.

    Runs of processes that died are marked as interrupted on the way. A store with an older schema is left as it is.

    Raises:
        StoreError: the store cannot be read at all.
    """
    with store.read() as connection:
        revision = current_revision(connection)
    current = revision == REVISIONS[-1]
    shown = f"{store.copied_from}, read through an upgraded copy" if store.copied_from else revision
    findings = [Finding("schema", shown if current else f"{revision}: nccli store upgrade", current)]
    findings += [Finding("sealed", True, True)] if store.is_sealed else []
    findings += _file(store.path) if store.path is not None else []
    if current and all(finding.ok for finding in findings if finding.check == "integrity"):
        findings += _contents(store)
    elif store.path is not None:
        counted = _first_column(store.path, "SELECT COUNT(*) FROM run")
        findings.append(Finding("runs", _listed(counted), isinstance(counted[-1], int)))
    return findings


def _contents(store: Store) -> list[Finding]:
    """What only a store at the newest schema can be asked."""
    settled = settle_abandoned(store)
    with store.read() as connection:
        for table in (RUN, *CHILDREN.values()):
            connection.execute(select(*table.c).limit(0))  # a column that is not there is damage
        runs = connection.scalar(select(func.count()).select_from(RUN))
        running, silent, abandoned = running_runs(connection), silent_runs(connection), abandoned_runs(connection)
        with_layers = exists().where(LAYER.c.run_id == RUN.c.id)
        with_values = exists().where(SINGULAR_VALUE.c.run_id == RUN.c.id)
        ended = RUN.c.status.in_(ENDED_WELL)
        reasons = {c.id: why for c in read_contents(connection, run_ids(connection)) if (why := damage(c))}
        partial = connection.scalar(select(func.count()).select_from(RUN).where(ended, ~(with_layers & with_values)))
    return [
        Finding("runs", runs, True),
        Finding("running", len(running), True),
        *([Finding("silent for a day", len(silent), True)] if silent else []),
        Finding("abandoned", len(abandoned), not abandoned),
        *([Finding("marked interrupted", len(settled), True)] if settled else []),
        Finding("partial runs", partial, not partial),
        Finding("damaged runs", len(reasons), not reasons, reasons),
    ]


def _file(path: Path) -> list[Finding]:
    integrity = _first_column(path, "PRAGMA integrity_check(5)")
    orphans = _first_column(path, "PRAGMA foreign_key_check")
    journal = _first_column(path, "PRAGMA journal_mode")
    system = file_system(path.resolve().parent)
    shared = is_network(system)
    damaged = integrity != ["ok"]
    return [
        Finding(
            "journal",
            f"wal, which does not work on {system}" if shared and journal == ["wal"] else _listed(journal),
            journal == ["delete"] or (journal == ["wal"] and not shared),
        ),
        Finding("file system", system, True),
        Finding("network", shared, True, advice=_SHARED.format(system=system) if shared else ""),
        Finding("integrity", _listed(integrity), not damaged),
        Finding("orphan rows", _listed(orphans) if damaged else len(orphans), not orphans),
    ]


def _first_column(path: Path, statement: str) -> list[Any]:
    """What SQLite answers, row by row; damage that ends the answer comes last, in SQLite's words."""
    found: list[Any] = []
    connection = sqlite3.connect(read_only_uri(path), uri=True, timeout=BUSY_SECONDS)
    try:
        found.extend(row[0] for row in connection.execute(statement))
    except BROKEN as error:
        found.append(in_a_line(str(error)))
    finally:
        connection.close()
    return found


def _listed(values: list[Any]) -> Any:
    """A single value as it is, several as text."""
    return values[0] if len(values) == 1 else "; ".join(str(value) for value in values)
