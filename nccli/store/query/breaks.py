"""Rules of columns as SQL, true of every row that breaks one of them, and seldom of others.

Measured, a row of 60 columns takes SQLite some 3 µs. It puts text and bytes above every number, so that one comparison
with an upper bound, be it infinity, refuses them too; what is NULL makes a comparison neither true nor false.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, text

from nccli.catalogue.columns import Type
from nccli.store.runs.rules import RULES, Rule

_CONTROL = "char(1) || '-' || char(31) || char(127) || '-' || char(191) || char(65533)"
"""For GLOB: control characters, and what SQLite makes of bytes that are no UTF-8."""

NUMBERS = frozenset({Type.INTEGER, Type.LONG, Type.NUMBER, Type.REAL})
WHOLE_NUMBERS = frozenset({Type.INTEGER, Type.LONG})
_JSON: dict[Any, str] = {dict: "object", list: "array"}
_INFINITY = "9e999"
"""As SQLite reads it."""


@lru_cache
def breaks(table: str, sqlite: bool, columns: Collection[str] | None = None) -> str:
    """SQL for whether a row may break a rule.

    Args:
        table: whose row.
        sqlite: whether the database is SQLite, where anything can stand in a column.
        columns: by name, as a hashable collection; None for all.
    """
    chosen = [rule for rule in RULES[table].values() if columns is None or rule.name in columns]
    parts = [part for rule in chosen for part in _breaks_rule(f'{table}."{rule.name}"', rule, sqlite)]
    said = together(table)
    if sqlite and said and table != "run" and columns is None:  # of runs in Python: measured, a tenth of the time
        parts += [f"({said}) GLOB '*[' || {_CONTROL} || ']*'", f"instr({said}, char(0)) > 0"]
    return f"({' OR '.join(parts) or 'FALSE'})"


def comparable(connection: Connection) -> ColumnElement[bool]:
    """Whether the numbers of a row of table `run` keep to their rules."""
    numbers = frozenset(rule.name for rule in RULES["run"].values() if rule.kind in NUMBERS)
    rules = breaks("run", connection.dialect.name == "sqlite", numbers)
    return text(f"NOT COALESCE({rules}, FALSE)")  # type: ignore[return-value]  # a condition


def free_texts(table: str) -> tuple[str, ...]:
    """The columns of a table in which any text can stand."""
    return tuple(rule.name for rule in RULES[table].values() if rule.kind is Type.TEXT and not rule.choices)


def together(table: str) -> str:
    """SQL for these texts of a row, one after the other."""
    return " || ".join(f"""COALESCE({table}."{name}", '')""" for name in free_texts(table))


def _breaks_rule(column: str, rule: Rule, sqlite: bool) -> list[str]:
    parts = []
    if rule.kind in NUMBERS:
        parts += [f"{column} < {rule.low!r}"] if rule.low > -float("inf") else []
        if rule.high < float("inf"):
            parts.append(f"{column} > {rule.high!r}")
        elif sqlite:
            parts.append(f"{column} > {_INFINITY}")
    if sqlite and (rule.kind not in NUMBERS or rule.kind in WHOLE_NUMBERS):
        wanted = "integer" if rule.kind in WHOLE_NUMBERS else "blob" if rule.kind is None else "text"
        parts.append(f"typeof({column}) NOT IN ('{wanted}', 'null')")
    if rule.kind is Type.DOCUMENT and sqlite:
        kind = f"CASE WHEN json_valid({column}) THEN json_type({column}) ELSE '' END"
        parts.append(f"({column} IS NOT NULL AND {kind} != '{_JSON[rule.document]}')")
    if rule.choices:
        parts.append(f"{column} NOT IN ({', '.join(repr(str(choice)) for choice in rule.choices)})")
    if rule.required and rule.kind is not Type.REAL:  # nan is NULL in the database
        parts.append(f"{column} IS NULL")
    return parts
