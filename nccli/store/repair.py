"""Setting aside what a store has lost, so that the rest is usable again."""

import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from nccli.atomic import atomic_write
from nccli.catalogue.runs import RUNNING
from nccli.errors import StoreError, StoreVersionError
from nccli.store.check import BROKEN, Finding
from nccli.store.connection.store import BUSY_SECONDS, Store
from nccli.store.exchange.json_lines import as_damaged_line
from nccli.store.runs.content import RunContent, read_contents, write_content
from nccli.store.runs.makers import running_runs
from nccli.store.runs.sound import damage
from nccli.store.schema.checksum import RawRun, any_text, keyed, run_ids
from nccli.store.schema.tables import CHILDREN
from nccli.store_files import DAMAGED, ON_A_SERVER, SET_ASIDE, journals, real_path

_ORPHANS = "its rows are of a run that is not there"
_ORPHANED = "run_id NOT IN (SELECT id FROM run)"
_NOTHING = "nothing of {} can be read: restore a backup; nothing was changed"


@dataclass(frozen=True)
class Repair:
    """What was done.

    Attributes:
        set_aside: why each run was, by id.
        kept: how many runs the store has now, where its file is a new one.
        file: JSON lines of what could be read of these runs; None where nothing was set aside.
        copy: the store as it was, where its file was damaged and is a new one now.
    """

    set_aside: dict[str, str]
    kept: int = 0
    file: Path | None = None
    copy: Path | None = None


def repair_store(store: Store, findings: Sequence[Finding] = ()) -> Repair:
    """Take out of a store what is damaged, and keep it in a file beside.

    Args:
        store: to be repaired.
        findings: of `check_store`; none where it could not even look.

    Raises:
        StoreError: it is in use or cannot be written, or nothing of it can be read: nothing was changed.
        StoreVersionError: it has an older schema.
    """
    ok = {finding.check: finding.ok for finding in findings}
    if not ok.get("schema", True):
        raise StoreVersionError(f"{store.location} has an older schema: nccli store upgrade comes first")
    store.require_writable()
    return _repair_rows(store) if ok and ok.get("integrity", True) else _rebuild(store)


def _repair_rows(store: Store) -> Repair:
    with store.write() as connection:
        bad = [(content, why) for content in read_contents(connection, run_ids(connection)) if (why := damage(content))]
        orphans = list(_orphans(connection))
        if not bad and not orphans:
            return Repair({})
        file = _beside(store, SET_ASIDE, ".jsonl")
        contents = [content for content, _ in bad]
        _write(file, [as_damaged_line(content) for content in (*contents, *orphans)])
        for name in CHILDREN:
            connection.execute(text(f'DELETE FROM "{name}" WHERE {_ORPHANED}'))
        for content in contents:
            for name, column in (*((name, "run_id") for name in CHILDREN), ("run", "id")):
                key, (value,) = keyed(column, [content.run["id"]])
                connection.execute(text(f'DELETE FROM "{name}" WHERE {key} = :id'), {"id": value})
    reasons = {content.id: fault for content, fault in bad}
    return Repair({**reasons, **{content.id: _ORPHANS for content in orphans}}, file=file)


def _orphans(connection: Connection) -> Iterator[RunContent]:
    """Rows of tables that belong to a run which is not there."""
    found = defaultdict[Any, dict[str, list[dict[str, Any]]]](lambda: {name: [] for name in CHILDREN})
    with any_text(connection):
        for name in CHILDREN:
            for row in connection.execute(text(f'SELECT * FROM "{name}" WHERE {_ORPHANED}')):
                fields = dict(row._mapping)
                found[fields.pop("run_id")][name].append(fields)
    for key, children in found.items():
        yield RunContent.of(RawRun({"id": key}, children))


def _rebuild(store: Store) -> Repair:
    """A new file with the runs that are sound; the old one stays beside it, as it was."""
    path = store.path
    assert path is not None  # a server looks after its files
    _require_unused(store)
    fresh = _beside(store, DAMAGED, ".db.new")
    kept, why, lost = 0, {}, []
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as damaged:
            damaged.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            _lock(damaged, store)
            ids = list(_salvaged_ids(damaged))
            if not ids:
                raise StoreError(_NOTHING.format(store.location))
            with Store.create(str(fresh)).write() as connection:
                for key in ids:
                    content, fault = _salvaged(damaged, key)
                    if fault is None and content.run["status"] != RUNNING:
                        write_content(connection, content)
                        kept += 1
                    elif fault is not None:
                        why[content.id] = fault
                        lost.append(content)
            file = _beside(store, SET_ASIDE, ".jsonl") if lost else None
            if file is not None:
                _write(file, map(as_damaged_line, lost))
            copy = _beside(store, DAMAGED, ".db")
            os.link(path, copy)
            fresh.chmod(path.stat().st_mode & 0o777)
            fresh.replace(path)
            for journal in journals(path):
                journal.rename(copy.with_name(copy.name + journal.name.removeprefix(real_path(path).name)))
    except OSError as error:
        raise StoreError(f"{store.location} cannot be repaired: {error.strerror}; nothing was changed") from error
    finally:
        fresh.unlink(missing_ok=True)
    return Repair(why, kept, file, copy)


def _require_unused(store: Store) -> None:
    """Refuse a store into which a living process is training: what it stores next would go into the old file."""
    try:
        with store.read() as connection:
            running = running_runs(connection)
    except StoreError:
        return  # who is training cannot be read either
    if running:
        who = ", ".join(sorted(set(running.values())))
        raise StoreError(f"{store.location} is in use ({who}): stop that first; nothing was changed")


def _lock(connection: sqlite3.Connection, store: Store) -> None:
    """Keep others from writing; damage that forbids even that is no reason to give up."""
    try:
        connection.execute("PRAGMA writable_schema=ON")  # a table whose declaration is damaged forbids no other
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise StoreError(f"the store {store.location} is busy: try again") from error
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            raise StoreError(
                f"nothing of {store.location} can be read: restore a backup; nothing was changed"
            ) from error


_SCANS = (
    "SELECT id FROM run NOT INDEXED ORDER BY rowid",
    "SELECT id FROM run NOT INDEXED ORDER BY rowid DESC",
    "SELECT id FROM run ORDER BY id",
    "SELECT id FROM run ORDER BY id DESC",
    *(f"SELECT DISTINCT run_id FROM {name}" for name in CHILDREN),
)
"""Ways through a damaged file: each ends where it meets the damage."""


def _salvaged_ids(connection: sqlite3.Connection) -> Iterator[Any]:
    found: dict[Any, None] = {}
    for scan in _SCANS:
        with suppress(*BROKEN):
            for row in connection.execute(scan):
                found[row[0]] = None
    yield from sorted(found, key=str)


def _salvaged(connection: sqlite3.Connection, key: Any) -> tuple[RunContent, str | None]:
    """What can be read of a run, and why that is not the run; its tables are read by their indexes, then without."""
    best: tuple[RunContent, str | None] | None = None
    for how in ("", "NOT INDEXED"):
        raw, faults = _read_raw(connection, key, how)
        content = RunContent.of(raw)
        fault = faults[0] if faults else damage(content)
        if fault is None:
            return content, None
        best = best or (content, fault)
    assert best is not None
    return best


def _read_raw(connection: sqlite3.Connection, key: Any, how: str) -> tuple[RawRun, list[str]]:
    faults: list[str] = []

    def rows(table: str, column: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        without_rowid = table == "singular_value"  # it is an index
        whose, value = keyed(column, [key])
        try:
            cursor = connection.execute(
                f'SELECT * FROM "{table}" {"" if without_rowid else how} WHERE {whose} = ?', value
            )
            names = [field[0] for field in cursor.description]
            found.extend(dict(zip(names, row, strict=True)) for row in cursor)
        except BROKEN as error:
            faults.append(f"{table} cannot be read: {error}")
        return found

    run = rows("run", "id")
    children = {name: rows(name, "run_id") for name in CHILDREN}
    for each in children.values():
        for row in each:
            row.pop("run_id")
    if len(run) != 1:
        faults.append("its row of table run cannot be read")
    return RawRun(run[0] if run else {"id": key}, children), faults


def _write(file: Path, lines: Iterable[str]) -> None:
    with atomic_write(file) as out:
        for line in lines:
            out.write(line.encode())


def _beside(store: Store, what: str, suffix: str) -> Path:
    """A new name beside the store."""
    near = real_path(store.path or ON_A_SERVER)
    stem = f"{near.name}{what}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (f"{stem}{number}{suffix}" for number in ("", *(f"-{i}" for i in range(2, 1000))))
    return next(place for name in names if not (place := near.with_name(name)).exists())
