"""Connections to a store: how they are made, what a transaction is, what their errors mean."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from nccli.errors import InputError, StoreError
from nccli.store.connection.read_only import is_frozen, read_only_uri

WRITES = "nccli_writes"
"""Execution option of connections that hold the write lock from the start of a transaction."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('nccli'), hashtext(current_schema()))"


class DamagedStoreError(StoreError):
    """The file of the store is no whole database."""


def parse_location(location: str) -> URL:
    """A path or URL as an SQLAlchemy URL.

    Raises:
        InputError: neither, or a database that cannot be a store.
    """
    if "\0" in location:
        raise InputError(f"store {location!r}: no file name has a NUL character")
    if "://" not in location:
        return URL.create("sqlite", database=location)
    try:
        url = make_url(location)
    except (ArgumentError, ValueError) as error:
        raise InputError(f"store '{location}' is neither a path nor an SQLAlchemy URL") from error
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise InputError(f"store '{url.get_backend_name()}://…': only SQLite files and PostgreSQL are supported")
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise InputError("a store in memory would be lost at the end of the command: name a file")
    if url.get_backend_name() == "sqlite" and url.query:
        options = ", ".join(url.query)
        raise InputError(f"store '{location}': an SQLite store has no options ({options}): write sqlite:///PATH")
    return url


def make_engine(url: URL, busy_seconds: float) -> Engine:
    """Connections are opened when needed and closed after use: a process holds as many as it is using, seldom two.

    Raises:
        InputError: a driver that is not there.
    """
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url, busy_seconds)
        return _postgresql(url, busy_seconds)
    except ModuleNotFoundError as error:
        raise InputError(f"a PostgreSQL store needs a driver ({error.name}): pip install 'nccli[postgres]'") from error
    except NoSuchModuleError as error:
        raise InputError(f"store '{url.drivername}://…': there is no such driver") from error


def _sqlite(url: URL, busy_seconds: float) -> Engine:
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise InputError(f"store '{url.drivername}://…': write sqlite:///PATH, or just the path")
    engine = create_engine(url, connect_args={"timeout": busy_seconds}, poolclass=NullPool)
    path = Path(url.database or "")

    @event.listens_for(engine, "do_connect")
    def _connect(_: Any, __: Any, ___: Any, options: dict[str, Any]) -> sqlite3.Connection | None:
        return sqlite3.connect(read_only_uri(path), uri=True, **options) if is_frozen(path) else None

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")

    return engine


def _postgresql(url: URL, busy_seconds: float) -> Engine:
    engine = create_engine(url, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get(WRITES):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{int(1000 * busy_seconds)}ms'")
            connection.exec_driver_sql(_LOCK)
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

    return engine


def sqlite_driver(connection: Connection) -> sqlite3.Connection:
    """The connection of Python's own module below one to an SQLite store."""
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


_BUSY = ("database is locked", "canceling statement due to lock timeout")
_DAMAGE = (
    *("database disk image is malformed", "malformed database schema", "unsupported file format"),
    *("Could not decode to UTF-8", "no such column", "has no column named"),
)
_LONGEST = 200
"""A taste: characters of what a database says."""

UNWRITABLE = "cannot be written: check the permissions of the file and its folder"

_ADVICE: Mapping[str, str] = {
    "file is not a database": "is not an SQLite database: name another file with --store",
    "attempt to write a readonly database": UNWRITABLE,
    "unable to open database file": "cannot be opened: check that the folder exists and may be read and written",
    "database or disk is full": "cannot grow: the disk is full",
    "disk I/O error": "cannot be read or written: the disk or the network file system fails",
    "No space left on device": "cannot grow: the disk of the server is full",
    "too many connections": "is busy: the server takes no more connections; try again",
    "too many clients": "is busy: the server takes no more connections; try again",
    "read-only transaction": "cannot be written: the server allows reading only",
}


def damaged(location: str) -> DamagedStoreError:
    """The error for a file that is no whole database."""
    return DamagedStoreError(
        f"the store {location} is damaged: nccli store check --repair saves what can be read, or restore a backup"
    )


def is_ruined(path: Path) -> bool:
    """Whether SQLite finds that the tables, indexes or pages of a file contradict each other."""
    try:
        with closing(sqlite3.connect(read_only_uri(path), uri=True)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.OperationalError:
        return False  # busy, or gone
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return True
    return bool(found != "ok")


def explain(error: SQLAlchemyError, location: str, busy_seconds: float) -> StoreError:
    """An error of the database as one of nccli, in a line that says what to do."""
    cause = _said(error)
    if any(sign in cause for sign in _BUSY):
        return StoreError(
            f"the store {location} is busy: another process has been writing for {busy_seconds} s; try again"
        )
    if any(sign in cause for sign in _DAMAGE):
        return damaged(location)
    for sign, words in _ADVICE.items():
        if sign in cause:
            return StoreError(f"the store {location} {words}")
    return StoreError(f"the store {location} cannot be used: {in_a_line(cause) or type(error).__name__}")


def in_a_line(text: str) -> str:
    """The first line of what a database says, no longer than a reader's patience, without control characters."""
    lines = ("".join(c if c.isprintable() else " " for c in line).strip() for line in text.splitlines())
    line = next(filter(None, lines), "")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _said(error: SQLAlchemyError) -> str:
    """Without the statement and its values, which SQLAlchemy adds to the text of an error."""
    return str(getattr(error, "orig", None) or next(iter(error.args), ""))
