"""What a database says of an error comes in one short line, without the statement and its values."""

from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text

from nccli.errors import StoreError
from nccli.store import Store
from nccli.store.connection.engine import in_a_line
from nccli.store.schema.tables import RUN
from tests.store.claimants import RUN as EXAMPLE

SECRET = "secret " * 1000


def lacking(connection: Connection) -> None:
    connection.execute(text("INSERT INTO run (id, kind) VALUES (:id, :kind)"), {"id": "0", "kind": SECRET})


def unknown_column(connection: Connection) -> None:
    connection.execute(text(f"SELECT no_such_column, '{SECRET}' FROM run"))


def no_json(connection: Connection) -> None:
    """An error of SQLAlchemy itself, on the way to the database."""
    connection.execute(insert(RUN), {**EXAMPLE.columns, "id": SECRET, "created": "", "config": {"width": object()}})


def no_row(connection: Connection) -> None:
    connection.execute(select(RUN.c.id).where(RUN.c.kind == SECRET)).one()


@pytest.mark.parametrize("fail", [lacking, unknown_column, no_json, no_row])
@pytest.mark.parametrize("way", ["read", "write"])
def test_an_error_is_a_short_line_without_the_statement(store: Store, fail: Any, way: str) -> None:
    with pytest.raises(StoreError) as caught, getattr(store, way)() as connection:
        fail(connection)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert len(said) < len(store.location) + 250
    for part in ("SELECT", "INSERT", "[SQL", "parameters", "sqlalche.me", "secret secret secret"):
        assert part not in said


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("first\nsecond", "first"),
        ("\n\n  first  ", "first"),
        ("red \x1b[31malert\x07\r", "red  [31malert"),
        ("x" * 201, "x" * 200 + "…"),
        ("", ""),
    ],
)
def test_a_line_is_the_first_one_bounded_and_printable(said: str, line: str) -> None:
    assert in_a_line(said) == line
