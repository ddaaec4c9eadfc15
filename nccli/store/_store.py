"""Opening a store. All of nccli reaches its database through `Store`, here."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from nccli.errors import InputError, NothingFoundError, StoreError, StoreVersionError
from nccli.store._journal import choose_journal
from nccli.store._migrate import REVISIONS, current_revision, require_current, upgrade

BUSY_SECONDS = 30
DEFAULT_STORE = "nccli.db"


def store_location(option: str | None) -> str:
    """What `--store` says, else NCCLI_STORE, else nccli.db in the current folder."""
    return option or os.environ.get("NCCLI_STORE") or DEFAULT_STORE


def shown_location(location: str) -> str:
    """Where a store is, as a person would write it: an absolute path, or a URL without its password.

    Raises:
        InputError: no path and no usable URL.
    """
    url = _parse(location)
    if url.get_backend_name() != "sqlite":
        return url.render_as_string(hide_password=True)
    return str(Path(url.database or "").absolute())


class Store:
    """An open store, at the newest schema.

    Attributes:
        location: path or URL as a person would name it, without password.
        path: of the SQLite file; None for a database server.
    """

    def __init__(self, url: URL) -> None:
        """Prepare to connect; nothing is opened yet. Use `open` or `create`."""
        self._url = url
        sqlite = url.get_backend_name() == "sqlite"
        self.path = Path(url.database or "") if sqlite else None
        self.location = str(self.path) if sqlite else url.render_as_string(hide_password=True)
        self._reader = _engine(url)
        self._writer = self._reader.execution_options(nccli_begin="BEGIN IMMEDIATE")

    @classmethod
    def open(cls, location: str) -> Self:
        """Open a store that exists.

        Raises:
            NothingFoundError: there is no store yet.
            StoreVersionError: it was made by a newer nccli, or needs an upgrade that this process may not make.
            StoreError: it is busy, unreadable, or no store of nccli.
        """
        store = cls(_parse(location))
        if store.path is not None and not store._exists():
            raise NothingFoundError(
                f"no store at {store.location}: run a command that makes runs first, "
                "such as nccli train-dufm, or name a store with --store"
            )
        with store.read() as connection:
            revision = store._revision(connection)
        if revision is None:
            raise NothingFoundError(f"the store {store.location} is empty: it has no run yet")
        return store if revision == REVISIONS[-1] else cls.create(location)

    @classmethod
    def create(cls, location: str) -> Self:
        """Open a store for writing; make or upgrade it first where needed.

        Raises:
            StoreVersionError, StoreError: as `open`, or the place cannot be written.
        """
        store = cls(_parse(location))
        fresh = store.path is not None and not store._exists()
        if store.path is not None and not store.path.parent.is_dir():
            raise StoreError(f"cannot make a store at {store.location}: the folder {store.path.parent} does not exist")
        with store.read() as connection:
            revision = store._revision(connection)
        if revision == REVISIONS[-1]:
            return store
        if fresh:
            store._set_journal()
        with store._translated(), store._migrating() as connection:
            revision = store._revision(connection)
            if revision != REVISIONS[-1]:
                upgrade(connection)
        return store

    def _exists(self) -> bool:
        """Whether the SQLite file is there.

        Raises:
            StoreError: the name is one that no file can have.
        """
        try:
            return self.path is not None and self.path.exists()
        except OSError as error:
            raise StoreError(f"the store {self.location} cannot be opened: {error.strerror}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the store throughout and cannot change it."""
        with self._translated(), self._reader.connect() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection that holds the write lock from the start (BEGIN IMMEDIATE); commits at the end, or nothing."""
        with self._translated(), self._writer.connect() as connection, connection.begin():
            yield connection

    def pragma(self, name: str) -> Any:
        """The first value that SQLite gives for a pragma, such as "journal_mode"; None on other databases."""
        if self.path is None:
            return None
        with self.read() as connection:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

    def _revision(self, connection: Connection) -> str | None:
        try:
            revision = current_revision(connection)
            require_current(revision)
        except StoreVersionError as error:
            raise StoreVersionError(f"the store {self.location} {error}") from error
        except StoreError as error:
            raise StoreError(f"{self.location} {error}") from error
        return revision

    @contextmanager
    def _migrating(self) -> Iterator[Connection]:
        """The write lock with foreign keys off: rebuilding a parent table would otherwise delete its children."""
        with self._writer.connect() as connection:
            if self.path is not None:
                _driver(connection).execute("PRAGMA foreign_keys=OFF")
            with connection.begin():
                yield connection
                if self.path is not None:
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    if broken is not None:
                        raise StoreError(f"upgrading {self.location} would orphan rows of {broken[0]}: nothing changed")

    def _set_journal(self) -> None:
        """Choose the journal of a new file. It is a lasting property of the file."""
        if self.path is None:
            return
        journal = choose_journal(self.path, sqlite3.sqlite_version_info)
        deadline = time.monotonic() + BUSY_SECONDS
        with self._translated(), self._reader.connect() as connection:
            while True:
                try:
                    _driver(connection).execute(f"PRAGMA journal_mode={journal}")
                    return
                except sqlite3.OperationalError as error:  # SQLite does not wait here by itself
                    if "locked" not in str(error):
                        raise StoreError(f"the store {self.location} cannot be made: {error}") from error
                    if time.monotonic() > deadline:
                        raise StoreError(f"the store {self.location} is busy: try again") from error
                    time.sleep(0.02)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of the database as errors of nccli, in a line that says what to do."""
        try:
            yield
        except DBAPIError as error:
            raise _explain(error, self.location) from error
        except SQLAlchemyError as error:
            raise StoreError(f"the store {self.location} cannot be used: {error}") from error


def _parse(location: str) -> URL:
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
    return url


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() != "sqlite":
            return create_engine(url)
        if url.drivername not in ("sqlite", "sqlite+pysqlite"):
            raise InputError(f"store '{url.drivername}://…': write sqlite:///PATH, or just the path")
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, poolclass=NullPool)
    except ModuleNotFoundError as error:
        raise InputError(f"a PostgreSQL store needs a driver ({error.name}): pip install 'nccli[postgres]'") from error
    except NoSuchModuleError as error:
        raise InputError(f"store '{url.drivername}://…': there is no such driver") from error

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("nccli_begin", "BEGIN"))

    return engine


def _driver(connection: Connection) -> sqlite3.Connection:
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _explain(error: DBAPIError, location: str) -> StoreError:
    cause = str(error.orig)
    advice = {
        "database is locked": f"is busy: another process has been writing for {BUSY_SECONDS} s; try again",
        "file is not a database": "is not an SQLite database: name another file with --store",
        "attempt to write a readonly database": "cannot be written: check the permissions of the file and its folder",
        "unable to open database file": "cannot be opened: check that the folder exists and may be read and written",
        "database or disk is full": "cannot grow: the disk is full",
        "database disk image is malformed": "is damaged: run nccli store check, and restore a backup",
    }
    for sign, words in advice.items():
        if sign in cause:
            return StoreError(f"the store {location} {words}")
    return StoreError(f"the store {location} cannot be used: {cause.splitlines()[0] if cause else error}")
