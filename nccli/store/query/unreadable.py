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

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Text,
    cast,
    func,
    literal,
    literal_column,
    not_,
    select,
    text,
    type_coerce,
)

from nccli.catalogue.columns import Type
from nccli.catalogue.runs import ENDED_WELL, MEASURED_KINDS
from nccli.printable import is_printable
from nccli.store.connection.among import one_of
from nccli.store.query.breaks import breaks, together
from nccli.store.query.select import each_row
from nccli.store.query.selection import Selection, Unindexed
from nccli.store.query.survey import Survey
from nccli.store.query.surveying import ALWAYS
from nccli.store.runs.block_rules import BLOCKS, block_fault
from nccli.store.runs.content import read_contents
from nccli.store.runs.rules import RULES
from nccli.store.runs.sound import config_fault, reading_fault
from nccli.store.schema.checksum import any_text
from nccli.store.schema.tables import CHILDREN, RUN

_MOST_SETTINGS = 10_000
"""A bound: so many rows take a tenth of a second to look over; of more settings all rows are looked at at once."""

_ROUNDS = 3
"""A taste: after so many, what is damaged is more than a row here and there."""


def unreadable_runs(
    connection: Connection,
    runs: Sequence[str] | Selection,
    tables: Collection[str],
    columns: Collection[str] | None = None,
) -> dict[str, str]:
    """Why runs cannot be read, by id.

    Args:
        connection: to the store.
        runs: to look at, by id or as a selection.
        tables: that will be read, beside `run`.
        columns: of table `run` that will be read of every run; of each setting and `finish` a whole row is read beside,
            that of the least id. None where all are read of all.
    """
    wanted = runs.condition(connection) if isinstance(runs, Selection) else one_of(RUN.c.id, runs, connection)
    found: dict[str, str] = {}
    if columns is not None and "config" not in columns:
        seen = runs.surveyed(RULES["run"].keys() & columns) if isinstance(runs, Selection) else None
        found = {} if seen is not None else _faults(connection, _of_columns(connection, wanted, columns))
        firsts = _unreadable_firsts(connection, wanted, found, seen)
        if firsts is not None:
            of_tables = _suspects_in_tables(connection, wanted, tables)
            return {**found, **firsts, **_faults(connection, of_tables)}
    suspects = (*_suspects(connection, wanted), *_suspects_in_tables(connection, wanted, tables))
    return {**found, **_faults(connection, suspects)}


def _faults(connection: Connection, suspects: Collection[str] | Iterator[str]) -> dict[str, str]:
    """Why those of the runs cannot be read that cannot."""
    found = {}
    for content in read_contents(connection, list(dict.fromkeys(suspects))):
        fault = reading_fault(content)
        if fault is not None:
            found[content.id] = fault
    return found


def _of_columns(connection: Connection, wanted: ColumnElement[bool], columns: Collection[str]) -> Iterator[str]:
    """Runs whose values in some columns, or in those by which they are selected and grouped, may break a rule.

    There are few different texts in these columns: measured, that these are looked at takes a third of the time.
    """
    sqlite, read = _sqlite(connection), frozenset({*columns, *ALWAYS})
    texts = [rule for rule in RULES["run"].values() if rule.name in read and rule.kind is Type.TEXT]
    looked_at = [rule for rule in texts if rule.name not in _MANY or rule.name in columns]
    rules = breaks("run", sqlite, read.difference(rule.name for rule in looked_at))
    yield from connection.scalars(select(RUN.c.id).where(wanted, text(f"({rules} OR {_ODD_ID[sqlite]})")))
    of_texts: list[Any] = [RUN.c[rule.name] for rule in looked_at]
    with any_text(connection):
        for values in list(each_row(connection, select(*of_texts).where(wanted).distinct())):
            if any(rule.fault(value, strict=False) for rule, value in zip(looked_at, values, strict=True)):
                same = [_is(column, value) for column, value in zip(of_texts, values, strict=True)]
                yield from connection.scalars(select(RUN.c.id).where(wanted, *same))


def _is(column: Any, value: Any) -> ColumnElement[bool]:
    """Whether a column has a value that the database returned, be it no text."""
    if isinstance(value, str) and not value.isascii():
        raw = cast(column, LargeBinary)
        return raw.is_not_distinct_from(literal(value.encode("utf-8", "surrogateescape"), LargeBinary))
    return type_coerce(column, LargeBinary if isinstance(value, bytes) else Text).is_not_distinct_from(value)


_MANY = ("id", "setting")
"""Texts of which there are many."""

_ODD_ID = {True: "run.id GLOB '*[^0-9a-f]*'", False: "run.id !~ '^[0-9a-f]*$'"}  # by whether it is SQLite


def _unreadable_firsts(
    connection: Connection, wanted: ColumnElement[bool], bad: Collection[str], survey: Survey | None
) -> dict[str, str] | None:
    """Of each setting and finish the runs, by increasing id, that cannot be read before the first that can.

    None where it takes less time to look at all runs. What was read of them tells the first ones.
    """
    found: dict[str, str] = {}
    seen: set[Any] = set()
    for _ in range(_ROUNDS):
        if survey is not None and not found:
            firsts = survey.least_ids(("setting", "finish"))
        else:
            rest = not_(one_of(RUN.c.id, [*bad, *found], connection))
            first = select(func.min(RUN.c.id)).where(wanted, rest).group_by(Unindexed(RUN.c.setting), RUN.c.finish)
            firsts = [key for (key,) in each_row(connection, first) if key not in seen]
        if len(firsts) > _MOST_SETTINGS or not {str}.issuperset(map(type, firsts)):
            return None
        worse = _faults(connection, _suspects(connection, one_of(RUN.c.id, firsts, connection))) if firsts else {}
        if not worse:
            return found
        found |= worse
        seen.update(firsts)
    return None


def _suspects(connection: Connection, wanted: ColumnElement[bool]) -> Iterator[str]:
    """Runs whose rows of table `run` may break a rule."""
    sqlite = _sqlite(connection)
    yield from connection.scalars(select(RUN.c.id).where(wanted, text(breaks("run", sqlite))))
    raw = LargeBinary if sqlite else Text
    texts = cast(literal_column(together("run")), raw)
    about = (RUN.c.id, RUN.c.kind, RUN.c.result_version, RUN.c.L, RUN.c.loss_dnc, cast(RUN.c.config, raw), texts)
    for key, kind, version, L, loss_dnc, config, said in each_row(connection, select(*about).where(wanted)):
        if _is_odd(said) or (key != _id_of(kind, config, version) and _config_fault(config, L, loss_dnc)):
            yield key


def _suspects_in_tables(connection: Connection, wanted: ColumnElement[bool], tables: Collection[str]) -> Iterator[str]:
    """Runs whose rows of other tables may break a rule, or are missing."""
    sqlite = _sqlite(connection)
    scope = select(RUN.c.id).where(wanted)
    for name in tables:
        run = CHILDREN[name].c.run_id
        yield from connection.scalars(select(run).distinct().where(run.in_(scope), text(breaks(name, sqlite))))
        if name in BLOCKS:
            yield from _odd_blocks(connection, name, wanted)
    if tables:
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
    about_run = (RUN.c.kind, RUN.c.K, RUN.c.L, RUN.c.n, RUN.c.class_counts)
    query = select(*table.c, *about_run).join(RUN, RUN.c.id == table.c.run_id).where(wanted)
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


def _is_odd(texts: Any) -> bool:
    """Whether texts, as bytes where the database may return such, have control characters or are none."""
    if isinstance(texts, str):
        return not is_printable(texts)
    try:
        if texts.isascii():
            return not texts.decode().isprintable()
        return _ASCII_CONTROL.search(texts) is not None or not is_printable(texts.decode())
    except (UnicodeDecodeError, TypeError, AttributeError):
        return True


_ASCII_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


def _id_of(kind: Any, config: Any, version: Any) -> str:
    """The id by the text that the store has: `finished_run.run_id` without reading it as JSON."""
    document = config if isinstance(config, bytes) else str(config).encode("utf-8", "surrogateescape")
    return hashlib.sha256(b'{"config": %b%b' % (document, _after_config(kind, version))).hexdigest()[:12]


@lru_cache
def _after_config(kind: Any, version: Any) -> bytes:
    return f', "kind": {json.dumps(kind, default=repr)}, "result_version": {version or 1}}}'.encode()


def _config_fault(config: Any, L: Any, loss_dnc: Any) -> str | None:
    try:
        return config_fault({"config": json.loads(config), "L": L, "loss_dnc": loss_dnc})
    except (ValueError, TypeError, RecursionError) as error:
        return str(error)


def _sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


WHOLE = tuple(CHILDREN)
"""For commands that read runs whole."""
