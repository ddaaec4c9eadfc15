"""Runs whose rows are not what nccli stores, found before they are read: one bad row makes no listing unreadable.

The database looks for values that break the rule of their column, which is quick; what it finds is looked at again in
Python, which has the last word.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Select, Text, cast, literal_column, select, text

from nccli.catalogue.columns import Type
from nccli.catalogue.runs import ENDED_WELL, MEASURED_KINDS
from nccli.printable import is_printable
from nccli.store.connection.among import one_of
from nccli.store.query.selection import Selection
from nccli.store.runs.block_rules import BLOCKS, block_fault
from nccli.store.runs.content import read_contents
from nccli.store.runs.rules import RULES, Rule
from nccli.store.runs.sound import config_fault, reading_fault
from nccli.store.schema.checksum import any_text
from nccli.store.schema.tables import CHILDREN, RUN

_CONTROL = "char(1) || '-' || char(31) || char(127) || '-' || char(191) || char(65533)"
"""For GLOB: control characters, and what SQLite makes of bytes that are no UTF-8."""


def unreadable_runs(connection: Connection, runs: Sequence[str] | Selection, tables: Collection[str]) -> dict[str, str]:
    """Why runs cannot be read, by id.

    Args:
        connection: to the store.
        runs: to look at, by id or as a selection.
        tables: that will be read, beside `run`.
    """
    wanted = runs.condition(connection) if isinstance(runs, Selection) else one_of(RUN.c.id, runs, connection)
    scope = select(RUN.c.id).where(wanted)
    suspects = dict.fromkeys(_suspects(connection, wanted, scope, tables))
    found = {}
    for content in read_contents(connection, list(suspects)):
        fault = reading_fault(content)
        if fault is not None:
            found[content.id] = fault
    return found


def comparable(connection: Connection) -> ColumnElement[bool]:
    """Whether the numbers of a row of table `run` keep to their rules."""
    return text(f"NOT COALESCE({_breaks('run', _sqlite(connection), numbers_only=True)}, FALSE)")  # type: ignore[return-value]  # a condition


def _suspects(
    connection: Connection, wanted: ColumnElement[bool], scope: Select[Any], tables: Collection[str]
) -> Iterator[str]:
    sqlite = _sqlite(connection)
    yield from connection.scalars(scope.where(text(_breaks("run", sqlite))))
    raw = LargeBinary if sqlite else Text
    texts = cast(literal_column(_together("run")), raw)
    about = (RUN.c.id, RUN.c.kind, RUN.c.result_version, RUN.c.L, RUN.c.loss_dnc, cast(RUN.c.config, raw), texts)
    for key, kind, version, L, loss_dnc, config, said in connection.execute(select(*about).where(wanted)):
        if _is_odd(said) or (key != _id_of(kind, config, version) and _config_fault(config, L, loss_dnc)):
            yield key
    for name in tables:
        run = CHILDREN[name].c.run_id
        yield from connection.scalars(select(run).distinct().where(run.in_(scope), text(_breaks(name, sqlite))))
        if name in BLOCKS:
            yield from _odd_blocks(connection, name, wanted)
    yield from connection.scalars(scope.where(text(_LAYERS_MISSING)))
    if "singular_value" in tables:
        layer = CHILDREN["layer"]
        yield from connection.scalars(
            select(layer.c.run_id).distinct().where(layer.c.run_id.in_(scope), text(_SPECTRUM_MISSING))
        )


_LAYERS_MISSING = f"""
status || '' IN ({", ".join(f"'{status}'" for status in ENDED_WELL)}) AND
(SELECT COUNT(*) FROM layer WHERE layer.run_id = run.id) NOT IN
(0, CASE WHEN kind IN ({", ".join(f"'{kind}'" for kind in MEASURED_KINDS)}) THEN "L" ELSE 2 * "L" - 1 END)
"""
"""By no index of statuses, which finds nearly all runs of a store for every page of a list: measured, 50 ms each."""
_SPECTRUM_MISSING = """
NOT EXISTS (SELECT 1 FROM singular_value AS first WHERE first.run_id = layer.run_id AND first.layer = layer.layer
AND first.stage = layer.stage AND first."index" = 1)
AND EXISTS (SELECT 1 FROM singular_value AS another WHERE another.run_id = layer.run_id)
"""


def _odd_blocks(connection: Connection, name: str, wanted: ColumnElement[bool]) -> Iterator[str]:
    """Runs with blocks that are not what they must be; no database can tell."""
    table = CHILDREN[name]
    query = select(*table.c, RUN.c.kind, RUN.c.K, RUN.c.L, RUN.c.n).join(RUN, RUN.c.id == table.c.run_id).where(wanted)
    with any_text(connection):
        for row in connection.execute(query):
            about = dict(row._mapping)
            sizes = all(type(about[size]) is int and 0 < about[size] < _MOST_SIZE for size in ("K", "L"))
            if (
                not sizes
                or type(about["n"]) is not int
                or not isinstance(row.block, bytes)
                or block_fault(name, about, about) is not None
            ):
                yield row.run_id


_MOST_SIZE = 10**6
"""Of classes and layers: what is beyond breaks their rules, and is not to be counted to."""


def _together(table: str) -> str:
    """SQL for the texts of a row that can be any, one after the other."""
    texts = [rule.name for rule in RULES[table].values() if rule.kind is Type.TEXT and not rule.choices]
    return " || ".join(f"""COALESCE({table}."{name}", '')""" for name in texts)


def _is_odd(texts: Any) -> bool:
    """Whether texts, as bytes where the database may return such, have control characters or are none."""
    if isinstance(texts, str):
        return not is_printable(texts)
    try:
        return _ASCII_CONTROL.search(texts) is not None or not (texts.isascii() or is_printable(texts.decode()))
    except (UnicodeDecodeError, TypeError, AttributeError):
        return True


_ASCII_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


def _id_of(kind: Any, config: Any, version: Any) -> str:
    """The id by the text that the store has: `finished_run.run_id` without reading it as JSON."""
    document = config if isinstance(config, bytes) else str(config).encode("utf-8", "surrogateescape")
    around = f', "kind": {json.dumps(kind, default=repr)}, "result_version": {version or 1}}}'.encode()
    return hashlib.sha256(b'{"config": ' + document + around).hexdigest()[:12]


def _config_fault(config: Any, L: Any, loss_dnc: Any) -> str | None:
    try:
        return config_fault({"config": json.loads(config), "L": L, "loss_dnc": loss_dnc})
    except (ValueError, TypeError, RecursionError) as error:
        return str(error)


def _sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


@lru_cache
def _breaks(table: str, sqlite: bool, numbers_only: bool = False) -> str:
    """SQL for whether a row may break a rule: true wherever it does, and seldom elsewhere."""
    rules = {f'{table}."{name}"': rule for name, rule in RULES[table].items()}
    parts = [
        _breaks_rule(column, rule, sqlite)
        for column, rule in rules.items()
        if not numbers_only or rule.kind in _NUMBERS
    ]
    together = _together(table)
    if sqlite and together and table != "run":  # of runs in Python: measured, a tenth of the time
        parts += [f"({together}) GLOB '*[' || {_CONTROL} || ']*'", f"instr({together}, char(0)) > 0"]
    return f"({' OR '.join(parts)})"


_NUMBERS = (Type.INTEGER, Type.LONG, Type.NUMBER, Type.REAL)
_STORAGE = {
    Type.TEXT: "'text'",
    Type.DOCUMENT: "'text'",
    Type.INTEGER: "'integer'",
    Type.LONG: "'integer'",
    Type.NUMBER: "'real', 'integer'",
    Type.REAL: "'real', 'integer'",
    None: "'blob'",
}
_JSON: dict[Any, str] = {dict: "object", list: "array"}


def _breaks_rule(column: str, rule: Rule, sqlite: bool) -> str:
    parts = []
    if sqlite:
        parts.append(f"typeof({column}) NOT IN ({_STORAGE[rule.kind]})")
    if rule.kind in _NUMBERS:
        parts += [f"{column} < {rule.low!r}"] if rule.low > -float("inf") else []
        parts += [f"{column} > {rule.high!r}"] if rule.high < float("inf") else []
    if rule.kind is Type.DOCUMENT:
        kind = f"CASE WHEN json_valid({column}) THEN json_type({column}) ELSE '' END"
        parts += [f"{kind} != '{_JSON[rule.document]}'"] if sqlite else []
    if rule.choices:
        parts.append(f"{column} NOT IN ({', '.join(repr(str(choice)) for choice in rule.choices)})")
    broken = " OR ".join(parts) or "FALSE"
    if rule.required and rule.kind is not Type.REAL:  # nan is NULL in the database
        return f"({column} IS NULL OR {broken})"
    return f"({column} IS NOT NULL AND ({broken}))"


WHOLE = tuple(CHILDREN)
"""For commands that read runs whole."""
