"""A checksum a run, over its rows in all tables, and whether it still fits.

It is of rows as the database has them, by the names of their columns, so that it can be worked out for a store of any
schema; what is absent is left out, so that a new column, empty so far, changes none.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, inspect, text

from nccli.catalogue.runs import FINISHED
from nccli.store.connection.among import pages

_CHILDREN = ("layer", "singular_value", "history", "matrix")
_OWN = ("checksum", "run_id")


@dataclass(frozen=True)
class RawRun:
    """The rows of a run as a database has them: of table `run`, and of the others by table, without `run_id`."""

    run: Mapping[str, Any]
    children: Mapping[str, Sequence[Mapping[str, Any]]]


def checksum(raw: RawRun) -> str:
    """32 hex digits over all rows, in whatever order they come."""
    digest = hashlib.sha256(_line(raw.run))
    for name in sorted(raw.children):
        digest.update(name.encode())
        digest.update(b"".join(sorted(map(_line, raw.children[name]))))
    return digest.hexdigest()[:32]


def _line(row: Mapping[str, Any]) -> bytes:
    exact = [(name, _exact(value)) for name, value in row.items() if value is not None and name not in _OWN]
    return repr(sorted(exact)).encode("utf-8", "surrogateescape")


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return value + 0.0  # databases do not all keep the sign of zero
    return hashlib.sha256(value).digest() if isinstance(value, bytes) else value


def raw_runs(connection: Connection, ids: Sequence[str]) -> Iterator[RawRun]:
    """Rows of runs of a store of any schema, in the order given, those of tables in the order of their keys."""
    there = set(inspect(connection).get_table_names())
    tables = [name for name in _CHILDREN if name in there]
    with _any_text(connection):
        for chunk in pages(ids):
            runs = {row["id"]: row for row in _rows(connection, "run", "id", chunk)}
            children: dict[str, dict[str, list[dict[str, Any]]]] = {key: {name: [] for name in tables} for key in runs}
            for name in tables:
                for row in _rows(connection, name, "run_id", chunk):
                    children[row.pop("run_id")][name].append(row)
            yield from (RawRun(runs[key], children[key]) for key in chunk if key in runs)


def fits(raw: RawRun) -> bool:
    """Whether a run is what it was when it was stored; one that has not ended needs no checksum."""
    stored = raw.run.get("checksum")
    return raw.run.get("status") not in FINISHED if stored is None else stored == checksum(raw)


def damaged_runs(connection: Connection) -> list[Any]:
    """Runs of a store that has checksums which do not fit."""
    return [raw.run["id"] for raw in raw_runs(connection, run_ids(connection)) if not fits(raw)]


def has_checksums(connection: Connection) -> bool:
    """Whether the schema of a store, which may be empty, has them."""
    found = inspect(connection)
    return "run" in found.get_table_names() and any(c["name"] == "checksum" for c in found.get_columns("run"))


def seal_runs(connection: Connection, ids: Iterable[str]) -> None:
    """Give runs that ended the checksums of what is stored now."""
    wanted = [raw for raw in raw_runs(connection, list(ids)) if raw.run["status"] in FINISHED]
    update = text("UPDATE run SET checksum = :checksum WHERE id = :id")
    for raw in wanted:
        connection.execute(update, {"checksum": checksum(raw), "id": raw.run["id"]})


def run_ids(connection: Connection) -> list[Any]:
    """Of all runs, in increasing order; what damage makes of one is returned as it is."""
    with _any_text(connection):
        return [row[0] for row in connection.execute(text("SELECT id FROM run ORDER BY id"))]


def _rows(connection: Connection, table: str, key: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    query = text(f'SELECT * FROM "{table}" WHERE {key} IN :ids').bindparams(bindparam("ids", expanding=True))
    return [dict(row._mapping) for row in connection.execute(query, {"ids": list(ids)})]


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    """Let SQLite return text that is no UTF-8, as damage leaves it."""
    driver = connection.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    before = driver.text_factory
    driver.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before
