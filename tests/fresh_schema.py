"""New stores in a twentieth of the time: what the migrations made of an empty database is made again as it was.

Hundreds of tests begin with an empty store, and eighteen migrations take longer than most of them. The first empty
database of a session is migrated; the statements that define its schema then are what the next ones get.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event, inspect, text

from nccli.store.connection.engine import sqlite_driver
from nccli.store.schema import migrate

Upgrade = Callable[[Connection], None]


class FreshSchema:
    """Takes the place of `nccli.store.schema.migrate.upgrade`; a database that is not empty is migrated.

    Attributes:
        known: statements by dialect and folder of the migrations.
    """

    def __init__(self, upgrade: Upgrade) -> None:
        """`upgrade` is the real one."""
        self._upgrade = upgrade
        self.known: dict[tuple[str, str], Sequence[str]] = {}

    def __call__(self, connection: Connection) -> None:
        """Bring a schema to the newest revision."""
        name = connection.dialect.name
        key = name, str(migrate.migrations_folder())
        there = inspect(connection)
        if there.get_table_names() or there.get_view_names():
            self._upgrade(connection)
        elif key not in self.known:
            with _told(connection) as told:
                self._upgrade(connection)
            self.known[key] = _definitions(connection) if name == "sqlite" else told
        elif name == "sqlite":
            for statement in self.known[key]:
                sqlite_driver(connection).execute(statement)
        else:
            driver: Any = connection.connection.dbapi_connection
            driver.execute(";\n".join(self.known[key]))


def _definitions(connection: Connection) -> list[str]:
    """Of an SQLite file: its objects in the order in which they came to be, and its revision."""
    query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    revision = connection.execute(text(f"SELECT version_num FROM {migrate.VERSION_TABLE}")).scalar_one()
    return [*connection.execute(text(query)).scalars(), f"INSERT INTO {migrate.VERSION_TABLE} VALUES ('{revision}')"]


@contextmanager
def _told(connection: Connection) -> Iterator[list[str]]:
    """What the database is told meanwhile; not what it is asked, and not what is about rows, for it has none."""
    told: list[str] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: Any) -> None:
        if not parameters and not statement.lstrip().upper().startswith("SELECT"):
            told.append(statement.replace("%%", "%"))

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(connection, "before_cursor_execute", note)
