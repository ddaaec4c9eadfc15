"""Rows of runs that come from outside: every value is checked before it is taken for one of the store."""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import BigInteger, Float, Integer, LargeBinary, Table

from nccli import strict_json
from nccli.catalogue.columns import RUN_COLUMNS
from nccli.catalogue.runs import Status
from nccli.store.runs.content import RunContent
from nccli.store.schema.column_types import JsonText, Real
from nccli.store.schema.tables import CHILDREN, RUN

_ID = re.compile(r"[0-9a-f]{12}")
_STATUSES = tuple(Status)

_MOST_DOCUMENT = 2**20
"""Characters of a JSON document: a history row of L = 1,000 layers has some 40,000."""


def outward(table: Table, name: str, value: Any) -> Any:
    """A value as JSON has it: bytes in base64."""
    return base64.b64encode(value).decode() if isinstance(table.c[name].type, LargeBinary) else value


def checked(fields: Mapping[str, Any]) -> RunContent:
    """A run whose every value has the type of its column, whose matrices have the sizes of their shapes."""
    run = _row(RUN, _completed(fields["run"]))
    if _ID.fullmatch(run["id"]) is None:
        raise ValueError(f"id '{run['id'][:20]}' is not 12 hex digits")
    if run["status"] not in _STATUSES:
        raise ValueError(f"status '{run['status'][:20]}' is none of {', '.join(_STATUSES)}")
    if not isinstance(run["config"], dict):
        raise ValueError("config is not an object")
    children = {}
    for name, table in CHILDREN.items():
        if not isinstance(fields[name], list):
            raise ValueError(f"{name} is not a list")
        children[name] = [_row(table, row, without="run_id") for row in fields[name]]
        keys = [column.name for column in table.c if column.primary_key and column.name != "run_id"]
        by_key = {tuple(row[key] for key in keys): row for row in children[name]}
        if len(by_key) < len(children[name]):
            raise ValueError(f"{name} has a row twice")
        children[name] = [by_key[key] for key in sorted(by_key)]
    layers = {(row["layer"], row["stage"]) for row in children["layer"]}
    for row in (*children["singular_value"], *children["matrix"]):
        if (row["layer"], row["stage"]) not in layers:
            raise ValueError(f"layer {row['layer']}, stage '{row['stage'][:20]}' is not among the layers")
    for row in children["matrix"]:
        shape = row["shape"]
        sizes = isinstance(shape, list) and len(shape) == 2 and all(type(n) is int and n > 0 for n in shape)
        if row["dtype"] != "<f8" or not sizes or 8 * math.prod(shape) != len(row["bytes"]):
            raise ValueError(f"matrix '{row['name'][:20]}': its bytes are not those of its shape and type")
    return RunContent(run, children)


def _completed(fields: Any) -> Any:
    """A row of `run` with what runs had before there were some of its columns."""
    if not isinstance(fields, dict):
        return fields
    kind = str(fields.get("kind"))
    before = {column.name: column.before[kind] for column in RUN_COLUMNS if kind in column.before}
    return {**before, **fields}


def _row(table: Table, fields: Any, without: str = "") -> dict[str, Any]:
    names = [column.name for column in table.c if column.name != without]
    needed = {name for name in names if not table.c[name].nullable or isinstance(table.c[name].type, Real)}
    if not isinstance(fields, dict) or not needed <= set(fields) <= set(names):
        raise ValueError(f"a row of {table.name} must have the columns {', '.join(names)}")
    return {name: _value(table, name, fields.get(name)) for name in names}


def _value(table: Table, name: str, value: Any) -> Any:
    column = table.c[name]
    kind = column.type
    if value is None:
        if not column.nullable or isinstance(kind, Real):
            raise ValueError(f"{name} is missing")
        return None
    convert: Callable[[str, Any], Any] = _CONVERTERS.get(type(kind), _text)
    return convert(name, value)


def _integer(largest: int) -> Callable[[str, Any], int]:
    def convert(name: str, value: Any) -> int:
        if type(value) is not int or not -largest <= value < largest:
            raise ValueError(f"{name} is no integer that the store takes")
        return value

    return convert


def _real(name: str, value: Any) -> float:
    if isinstance(value, bool) or not (isinstance(value, (int, float)) or value in ("nan", "inf", "-inf")):
        raise ValueError(f"{name} is no number")
    return float(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{name} is no text")
    value.encode()
    return value


def _blob(name: str, value: Any) -> bytes:
    try:
        return base64.b64decode(_text(name, value), validate=True)
    except binascii.Error as error:
        raise ValueError(f"{name} is not base64") from error


def _document(name: str, value: Any) -> Any:
    if len(strict_json.dumps(value)) > _MOST_DOCUMENT:
        raise ValueError(f"{name} is longer than any that a run has")
    return value


def refuse_constant(constant: str) -> None:
    """For json.loads: NaN and Infinity, which are not JSON."""
    raise ValueError(f"{constant} is not JSON")


def reason(error: BaseException) -> str:
    """What was wrong, in words."""
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


_CONVERTERS: Mapping[type, Callable[[str, Any], Any]] = {
    BigInteger: _integer(2**63),
    Integer: _integer(2**31),
    Real: _real,
    Float: _real,
    JsonText: _document,
    LargeBinary: _blob,
}
