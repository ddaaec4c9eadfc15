"""Runs as plain files, and back: JSON lines, or a folder of CSV files. Nothing is lost, nothing is trusted."""

import base64
import binascii
import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import BigInteger, Float, Integer, LargeBinary, Table

from nccli import strict_json
from nccli.errors import InputError
from nccli.store._content import CHILDREN, RUN, RunContent
from nccli.store._types import JsonText, Real

_MOST_BYTES = 256 * 2**20
"""Of one line: a run of the largest configurations is some tens of MiB."""

_ID = re.compile(r"[0-9a-f]{12}")
_STATUSES = ("converged", "stopped", "diverged", "interrupted", "failed", "running")
_INTEGERS = {True: 2**63, False: 2**31}
csv_tables: Mapping[str, Table] = {"run": RUN, **CHILDREN}
"""The files of a folder of CSV, NAME.csv each, and the tables they hold."""


def as_line(content: RunContent) -> str:
    """One run as a line of JSON."""
    fields = {name: _outward(RUN, name, value) for name, value in content.run.items()}
    children = {
        name: [{key: _outward(CHILDREN[name], key, value) for key, value in row.items()} for row in rows]
        for name, rows in content.children.items()
    }
    return strict_json.dumps({"run": fields, **children}) + "\n"


def from_lines(lines: BinaryIO, name: str) -> Iterator[RunContent]:
    """The runs of a file of JSON lines, checked column by column.

    Raises:
        InputError: a line that is too long, or not what `as_line` writes.
    """
    number = 0
    while line := lines.readline(_MOST_BYTES + 1):
        number += 1
        if len(line) > _MOST_BYTES:
            raise InputError(f"{name}, line {number}: longer than {_MOST_BYTES >> 20} MiB, which no run is")
        if not line.strip():
            continue
        try:
            fields = json.loads(line, parse_constant=_refuse)
            if not isinstance(fields, dict) or set(fields) != set(csv_tables):
                raise ValueError(f"must be an object with keys {', '.join(csv_tables)}")
            yield _checked(fields)
        except (ValueError, TypeError, RecursionError) as error:
            raise InputError(f"{name}, line {number}: no exported run: {_reason(error)}") from error


class CsvWriter:
    """Writes runs into a folder of CSV files, a file a table."""

    def __init__(self, files: Mapping[str, BinaryIO]) -> None:
        """Write the headers.

        Args:
            files: by table.
        """
        self._files = files
        for name, table in csv_tables.items():
            self._write(name, [list(table.c.keys())])

    def add(self, content: RunContent) -> None:
        """Write one run."""
        self._rows("run", [content.run])
        for name, rows in content.children.items():
            self._rows(name, [{"run_id": content.id, **row} for row in rows])

    def _rows(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        table = csv_tables[name]
        self._write(name, [[_cell(_outward(table, key, row[key])) for key in table.c.keys()] for row in rows])  # noqa: SIM118

    def _write(self, name: str, rows: Iterable[list[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._files[name].write(text.getvalue().encode())


def from_folder(folder: Path) -> Iterator[RunContent]:
    """The runs of a folder of CSV files; rows of one run lie together, in the order of `run.csv`.

    Raises:
        InputError: a file that is missing, or not what `CsvWriter` writes.
    """
    readers = {name: _Rows(folder / f"{name}.csv", table) for name, table in csv_tables.items()}
    try:
        for row in readers["run"].rows():
            children = {name: readers[name].of(str(row["id"])) for name in CHILDREN}
            try:
                yield _checked({"run": row, **children})
            except (ValueError, TypeError) as error:
                raise InputError(f"{folder}: run '{row['id']}': {_reason(error)}") from error
        for name in CHILDREN:
            readers[name].expect_end()
    finally:
        for reader in readers.values():
            reader.close()


class _Rows:
    """Rows of one CSV file, taken run by run."""

    def __init__(self, path: Path, table: Table) -> None:
        try:
            self._file = path.open(newline="", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        self._path, self._table = path, table
        self._reader = csv.reader(self._file, strict=True)
        self._header = self._next() or []
        if self._header != list(table.c.keys()):
            self.close()
            raise InputError(f"{path}: the header must be {','.join(table.c.keys())}")
        self._ahead: dict[str, Any] | None = None

    def close(self) -> None:
        self._file.close()

    def rows(self) -> Iterator[dict[str, Any]]:
        while (row := self._next()) is not None:
            yield self._fields(row)

    def of(self, run: str) -> list[dict[str, Any]]:
        found = []
        while True:
            if self._ahead is None:
                row = self._next()
                self._ahead = None if row is None else self._fields(row)
            if self._ahead is None or self._ahead["run_id"] != run:
                return found
            found.append({key: value for key, value in self._ahead.items() if key != "run_id"})
            self._ahead = None

    def expect_end(self) -> None:
        if self._ahead is not None or self._next() is not None:
            raise InputError(f"{self._path}: rows out of the order of run.csv, or of runs that it does not have")

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except (csv.Error, ValueError) as error:
            raise InputError(f"{self._path}, line {self._reader.line_num}: {_reason(error)}") from error

    def _fields(self, row: list[str]) -> dict[str, Any]:
        if len(row) != len(self._header):
            raise InputError(f"{self._path}, line {self._reader.line_num}: {len(row)} fields, not {len(self._header)}")
        try:
            return {key: _from_cell(self._table, key, cell) for key, cell in zip(self._header, row, strict=True)}
        except (ValueError, RecursionError) as error:
            raise InputError(f"{self._path}, line {self._reader.line_num}: {_reason(error)}") from error


def _outward(table: Table, name: str, value: Any) -> Any:
    """A value as JSON has it: bytes in base64."""
    return base64.b64encode(value).decode() if isinstance(table.c[name].type, LargeBinary) else value


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return strict_json.dumps(value, sort_keys=True)
    return strict_json.encodable(value)


def _from_cell(table: Table, name: str, cell: str) -> Any:
    column = table.c[name]
    if cell == "" and column.nullable and not isinstance(column.type, Real):
        return None
    if isinstance(column.type, JsonText):
        return json.loads(cell, parse_constant=_refuse)
    if isinstance(column.type, (Integer, BigInteger)):
        return int(cell)
    return float(cell) if isinstance(column.type, (Float, Real)) else cell


def _checked(fields: Mapping[str, Any]) -> RunContent:
    """A run whose every value has the type of its column, whose matrices have the sizes of their shapes."""
    run = _row(RUN, fields["run"])
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
        keys = [key for key in table.primary_key.columns.keys() if key != "run_id"]  # noqa: SIM118
        children[name].sort(key=lambda row, keys=keys: [row[key] for key in keys])
        if len({tuple(row[key] for key in keys) for row in children[name]}) < len(children[name]):
            raise ValueError(f"{name} has a row twice")
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


def _row(table: Table, fields: Any, without: str = "") -> dict[str, Any]:
    names = [name for name in table.c.keys() if name != without]  # noqa: SIM118
    if not isinstance(fields, dict) or set(fields) != set(names):
        raise ValueError(f"a row of {table.name} must have the columns {', '.join(names)}")
    return {name: _value(table, name, fields[name]) for name in names}


def _value(table: Table, name: str, value: Any) -> Any:
    column = table.c[name]
    kind = column.type
    if value is None:
        if not column.nullable or isinstance(kind, Real):
            raise ValueError(f"{name} is missing")
        return None
    return _CONVERTERS[type(kind)](name, value)


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


_CONVERTERS: Mapping[type, Callable[[str, Any], Any]] = {
    BigInteger: _integer(2**63),
    Integer: _integer(2**31),
    Real: _real,
    Float: _real,
    JsonText: lambda name, value: value,
    LargeBinary: _blob,
}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _reason(error: BaseException) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
