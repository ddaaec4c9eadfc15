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
_KEYS = ("layer", "stage", "index", "step", "name")


@dataclass(frozen=True)
class RawRun:
    """The rows of a run as a database has them: of table `run`, and of the others by table, without `run_id`."""

    run: Mapping[str, Any]
    children: Mapping[str, Sequence[Mapping[str, Any]]]


def checksum(raw: RawRun) -> str:
    """32 hex digits over all rows, in whatever order they come."""
    digest = hashlib.sha256()
    for name, rows in (("run", [raw.run]), *sorted(raw.children.items())):
        digest.update(name.encode())
        for column, values in _columns(rows):
            digest.update(_exact(column, values).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _columns(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[Any]]]:
    """Columns that have a value, by name, each in the order of the rows' keys."""
    try:
        ordered = sorted(rows, key=lambda row: [row.get(key) for key in _KEYS])
    except TypeError:  # damaged keys
        ordered = sorted(rows, key=repr)
    for column in sorted({name for row in rows for name in row}.difference(_OWN)):
        values = [row.get(column) for row in ordered]
        if values.count(None) < len(values):
            yield column, values


def _exact(column: str, values: list[Any]) -> str:
    """Text that is another for other values; but databases do not all keep the sign of zero."""
    if bytes in map(type, values):
        values = [hashlib.sha256(value).digest() if isinstance(value, bytes) else value for value in values]
    return repr([column, *values, None]).replace(" -0.0,", " 0.0,")


def raw_runs(connection: Connection, ids: Sequence[str]) -> Iterator[RawRun]:
    """Rows of runs of a store of any schema, in the order given, those of tables in the order of their keys."""
    ids = list(ids)
    if not ids:
        return
    there = set(inspect(connection).get_table_names())
    tables = [name for name in _CHILDREN if name in there]
    with any_text(connection):
        for chunk in pages(ids):
            runs = {row["id"]: row for row in _rows(connection, "run", "id", chunk)}
            children: dict[str, dict[str, list[dict[str, Any]]]] = {key: {name: [] for name in tables} for key in runs}
            for name in tables:
                for row in _rows(connection, name, "run_id", chunk):
                    own = children.get(row.pop("run_id"))
                    if own is not None:  # a damaged index may find rows of others
                        own[name].append(row)
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
    update = text("UPDATE run SET checksum = :checksum WHERE id = :id")
    for part in pages(list(ids)):
        seals = [
            {"checksum": checksum(raw), "id": raw.run["id"]}
            for raw in raw_runs(connection, part)
            if raw.run["status"] in FINISHED
        ]
        if seals:
            connection.execute(update, seals)


def run_ids(connection: Connection) -> list[Any]:
    """Of all runs, in increasing order; what damage makes of one is returned as it is."""
    with any_text(connection):
        return [row[0] for row in connection.execute(text("SELECT id FROM run ORDER BY id"))]


def keyed(column: str, ids: Sequence[Any]) -> tuple[str, list[Any]]:
    """A column in SQL and ids to compare it with: bytes, where damage has made an id that is no text."""
    try:
        "".join(map(str, ids)).encode()
    except UnicodeEncodeError:
        return f"CAST({column} AS BLOB)", [str(key).encode("utf-8", "surrogateescape") for key in ids]
    return column, list(ids)


def _rows(connection: Connection, table: str, key: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    column, keys = keyed(key, ids)
    query = text(f'SELECT * FROM "{table}" WHERE {column} IN :ids').bindparams(bindparam("ids", expanding=True))
    found = connection.execute(query, {"ids": keys})
    names = list(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]


@contextmanager
def any_text(connection: Connection) -> Iterator[None]:
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
