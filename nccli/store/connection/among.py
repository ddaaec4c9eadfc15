"""Membership in a list of ids of any length."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, String, any_, func, literal, select

_FEW = 5_000
"""Databases limit the number of bound values: SQLite's default limit is 32,766, PostgreSQL's 65,535."""


def one_of(column: ColumnElement[str], ids: Sequence[str], connection: Connection) -> ColumnElement[bool]:
    """Whether the column is among the ids; of many they are sent as one value."""
    if len(ids) <= _FEW:
        return column.in_(ids)
    if connection.dialect.name == "sqlite":
        listed: Any = func.json_each(json.dumps(list(ids))).table_valued("value")
        return column.in_(select(listed.c.value))
    return column == any_(literal(list(ids), ARRAY(String)))
