"""Column types that keep what SQLite and SQLAlchemy would lose."""

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Double, Float, Integer, Table, Text
from sqlalchemy.types import TypeDecorator

from nccli import strict_json


class Real(TypeDecorator[float]):
    """A float that is always there: nan is stored as NULL and read as nan, ±inf as they are.

    NULL keeps SQL honest: nan satisfies no comparison and enters no average. A float that may be absent is a plain
    nullable column instead.
    """

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Any) -> float | None:
        """NULL for nan."""
        return None if value is None or math.isnan(value) else float(value)

    def process_result_value(self, value: float | None, dialect: Any) -> float:
        """Return nan for NULL."""
        return math.nan if value is None else value


class JsonText(TypeDecorator[Any]):
    """A JSON document as text, with non-finite numbers as strings, readable by SQLite's json_each."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        """Serialise with sorted keys."""
        return None if value is None else strict_json.dumps(value, sort_keys=True)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        """Parse; numbers that were not finite stay strings, and so does what is no JSON."""
        return None if value is None else _parsed(value)


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return text


def to_raw(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Values of some columns as databases return them, without what is absent."""
    kinds = _kinds(table)
    found: dict[str, Any] = {}
    for name, value in row.items():
        kind = kinds[name]
        if value is None or (kind is Real and math.isnan(value)):
            continue
        if kind is JsonText:
            found[name] = strict_json.dumps(value, sort_keys=True)
        elif kind is Float or kind is Real:
            found[name] = float(value)
        else:
            found[name] = int(value) if kind is Integer else value
    return found


@cache
def _kinds(table: Table) -> Mapping[str, type[Any] | None]:
    """Which of the types that need care a column has, by name; None for the others."""
    return {
        column.name: next((kind for kind in (Real, JsonText, Float, Integer) if isinstance(column.type, kind)), None)
        for column in table.c
    }


def from_raw(table: Table, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `to_raw`; what is not of its column's type stays as it is, and a column that is not there is None."""
    row = {}
    for name, kind in _kinds(table).items():
        if name == "run_id":
            continue
        value = raw.get(name)
        if value is None:
            row[name] = math.nan if kind is Real and name in raw else None
        else:
            row[name] = _parsed(value) if kind is JsonText else value
    return row
