"""Opening a store. All of nccli reaches its database through `Store`, here."""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from shlex import quote
from typing import Any, Self

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from nccli.errors import InputError, NccliError, NothingFoundError, StoreError, StoreVersionError
from nccli.store.connection.backup import copy_file
from nccli.store.connection.engine import (
    UNWRITABLE,
    WRITES,
    damaged,
    explain,
    is_ruined,
    make_engine,
    parse_location,
    sqlite_driver,
)
from nccli.store.connection.journal import choose_journal
from nccli.store.connection.older_copy import older_copy
from nccli.store.connection.read_only import is_sealed, is_writable, unchanged
from nccli.store.connection.vacuum import give_back_space
from nccli.store.schema.checksum import damaged_runs, has_checksums, run_ids, seal_runs
from nccli.store.schema.migrate import REVISIONS, VERSION_TABLE, current_revision, require_current, upgrade
from nccli.store_files import BEFORE_UPGRADE, journals

BUSY_SECONDS = 30
"""For which a command waits for others to write. Measured with 16 writers of 100 runs each: 5.1 s at most."""

DEFAULT_STORE = "nccli.db"


def store_location(option: str | None) -> str:
    """What `--store` says, else NCCLI_STORE, else nccli.db in the current folder."""
    return option or os.environ.get("NCCLI_STORE") or DEFAULT_STORE


def store_file(option: str | None) -> Path | None:
    """The SQLite file of the store that `store_location` names, there or not; None where it is on a server.

    Raises:
        InputError: no path and no usable URL.
    """
    return _file_of(parse_location(store_location(option)))


def _file_of(url: URL) -> Path | None:
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def shown_location(location: str) -> str:
    """Where a store is, as a person would write it: an absolute path, or a URL without its password.

    Raises:
        InputError: no path and no usable URL.
    """
    url = parse_location(location)
    file = _file_of(url)
    return url.render_as_string(hide_password=True) if file is None else str(file.absolute())


class Store:
    """An open store, at the newest schema.

    Attributes:
        location: path or URL as a person would name it, without password.
        path: of the SQLite file; None for a database server.
        upgraded_from: the schema that the store had before this process upgraded it, None if it did not.
        backup: the copy of the file as it was before that.
        bytes_before, bytes_after: size of the file before the upgrade and after it; None where there was none.
        copy: an upgraded copy, which is read in place of an older file that is not to be written; None elsewhere.
        copied_from: the schema of that file.
    """

    def __init__(self, url: URL) -> None:
        """Prepare to connect; nothing is opened yet. Use `open` or `create`."""
        self._url = url
        self.path = _file_of(url)
        self.location = url.render_as_string(hide_password=True) if self.path is None else str(self.path)
        self._reader = make_engine(url, BUSY_SECONDS)
        self._writer = self._reader.execution_options(**{WRITES: True})
        self.backup: Path | None = None
        self.revision: str | None = None
        self.upgraded_from: str | None = None
        self.bytes_before: int | None = None
        self.bytes_after: int | None = None
        self.copy: Path | None = None
        self.copied_from: str | None = None

    @classmethod
    def at(cls, location: str) -> Self:
        """A store that nobody has looked into yet."""
        return cls(parse_location(location))

    @classmethod
    def peek(cls, location: str) -> Self:
        """Open a store that exists, as it is: with an older schema its tables may lack columns.

        Raises:
            InputError, NothingFoundError, StoreVersionError, StoreError: as `open`.
        """
        store = cls(parse_location(location))
        if store.path is not None and not store._exists():
            raise NothingFoundError(
                f"no store at {store.location}: run a command that makes runs first, "
                "such as nccli train-dufm, or name a store with --store"
            )
        with store.read() as connection:
            store.revision = store._revision(connection)
        if store.revision is None:
            raise NothingFoundError(f"the store {store.location} is empty: it has no run yet")
        return store

    @classmethod
    def open(cls, location: str) -> Self:
        """Open a store that exists; upgrade it first where needed, or read a copy where it is not to be written.

        Raises:
            InputError: no file can have the name.
            NothingFoundError: there is no store yet.
            StoreVersionError: it was made by a newer nccli, or needs an upgrade that this process may not make.
            StoreError: it is busy, unreadable, or no store of nccli.
        """
        store = cls.peek(location)
        if store.is_current:
            return store
        if store.path is not None and store.is_kept:
            store._read_a_copy(store.path)
            return store
        return cls.create(location)

    @classmethod
    def create(cls, location: str) -> Self:
        """Open a store for writing; make or upgrade it first where needed.

        Raises:
            InputError, StoreVersionError, StoreError: as `open`, or it is sealed, or the place cannot be written.
        """
        store = cls(parse_location(location))
        fresh = store.path is not None and not store._exists()
        if store.path is not None and not store.path.parent.is_dir():
            raise StoreError(f"cannot make a store at {store.location}: the folder {store.path.parent} does not exist")
        with store.read() as connection:
            store.revision = store._revision(connection)
        store._require_unsealed()
        if store.is_current:
            return store
        if fresh:
            store._set_journal()
        old = store.revision
        try:
            store._upgrade()
        except StoreError as error:
            if old is None or isinstance(error, StoreVersionError):
                raise
            raise StoreVersionError(
                f"{store.location} needs an upgrade from schema {old}, which failed: {error}\n"
                f"It is as it was; nccli store merge {store.location} --into NEW.db makes an upgraded one elsewhere"
            ) from error
        return store

    @property
    def is_current(self) -> bool:
        """Whether the schema is the one that this nccli reads and writes."""
        return self.revision == REVISIONS[-1]

    @property
    def is_sealed(self) -> bool:
        """Whether it is a file that `nccli store seal` has marked."""
        return self.path is not None and is_sealed(self.path)

    @property
    def is_kept(self) -> bool:
        """Whether it is a file that this process leaves as it is: sealed, or not to be written by this user."""
        return self.path is not None and (is_sealed(self.path) or not is_writable(self.path))

    def require_writable(self) -> None:
        """Refuse what will be written before it is worked out.

        Raises:
            StoreError: the store is sealed, or this user may not write it.
        """
        self._require_unsealed()
        if self.path is not None and not journals(self.path) and not is_writable(self.path):
            raise StoreError(f"the store {self.location} {UNWRITABLE}")

    def _require_unsealed(self) -> None:
        if self.is_sealed:
            raise StoreError(
                f"the store {self.location} is sealed: nothing writes it until nccli store seal --unseal "
                f"{quote(self.location)};\nor work in a copy: nccli store backup COPY.db --store {quote(self.location)}"
            )

    def _read_a_copy(self, path: Path) -> None:
        def upgraded(copy: Path) -> None:
            backup = type(self).create(str(copy)).backup
            if backup is not None:
                backup.unlink()

        try:
            self.copy = older_copy(path, upgraded)
        except StoreError as error:
            raise StoreVersionError(
                f"{self.location} needs an upgrade from schema {self.revision}; it is not to be written, and an "
                f"upgraded copy, which would be read, cannot be made: {error}"
            ) from error
        self.copied_from, self.revision = self.revision, REVISIONS[-1]
        self._reader = type(self).at(str(self.copy))._reader

    def _upgrade(self) -> None:
        """Bring the schema to the newest revision, with a copy of a file that holds data beside it."""
        with self._translated(), self._migrating() as connection:
            before = self._revision(connection)
            if before == REVISIONS[-1]:
                self.revision = before
                return
            if before is not None and self.path is not None:
                self.backup = _free_name(self.path, before)
                copy_file(self.path, self.backup)  # others may read while the write lock is held
                self.bytes_before = self.backup.stat().st_size
            try:
                damaged = set(damaged_runs(connection)) if has_checksums(connection) else set()
                upgrade(connection)
                seal_runs(connection, [key for key in run_ids(connection) if key not in damaged])
            except BaseException:
                self._forget_backup()
                raise
            self.revision, self.upgraded_from = REVISIONS[-1], before
        if self.upgraded_from is not None and self.path is not None:
            give_back_space(self.path)
            self.bytes_after = self.path.stat().st_size

    def _forget_backup(self) -> None:
        if self.backup is not None:
            self.backup.unlink(missing_ok=True)
            self.backup = None

    def _exists(self) -> bool:
        """Whether the SQLite file is there.

        Raises:
            InputError: the name is one that no file can have.
            StoreError: it cannot be told.
        """
        try:
            return self.path is not None and self.path.exists()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise InputError(f"the store {self.location} cannot be: {error.strerror}") from error
            raise StoreError(f"the store {self.location} cannot be opened: {error.strerror}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the store throughout and cannot change it."""
        whole = nullcontext() if self.path is None else unchanged(self.copy or self.path)
        with whole, self._translated(), self._reader.connect() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection that holds the write lock from the start (BEGIN IMMEDIATE); commits at the end, or nothing.

        Raises:
            StoreVersionError: a newer nccli has upgraded the store since this process opened it.
            StoreError: it is sealed, or cannot be written.
        """
        self.require_writable()
        with self._translated(), self._writer.connect() as connection, connection.begin():
            self._require_unsealed()  # meanwhile
            schema = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
            if schema != REVISIONS[-1]:
                raise StoreVersionError(
                    f"the store {self.location} was upgraded to schema {schema} by another nccli: this process, which "
                    "is older, writes it no more"
                )
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
                sqlite_driver(connection).execute("PRAGMA foreign_keys=OFF")
            with connection.begin():
                yield connection
                if self.path is not None:
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    if broken is not None:
                        self._forget_backup()
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
                    sqlite_driver(connection).execute(f"PRAGMA journal_mode={journal}")
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
        except UnicodeDecodeError as error:
            raise damaged(self.location) from error
        except SQLAlchemyError as error:
            raise explain(error, self.location, BUSY_SECONDS) from error
        except NccliError:
            raise
        except (LookupError, TypeError, ValueError) as error:
            if self.path is not None and is_ruined(self.path):  # no code expects what is in it
                raise damaged(self.location) from error
            raise


def _free_name(path: Path, revision: str) -> Path:
    """Where the copy goes that is made before an upgrade; earlier copies stay."""
    names = (f"{path.name}{BEFORE_UPGRADE}{revision}{suffix}" for suffix in ("", *(f"-{i}" for i in range(2, 1000))))
    candidates = (path.with_name(name) for name in names)
    return next(each for each in candidates if not each.exists() and not each.is_symlink())
