"""Runs as a folder of CSV files, NAME.csv for each table, and back: nothing is lost, nothing is trusted."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import BigInteger, Float, Integer, Table

from nccli import strict_json
from nccli.errors import InputError
from nccli.store.exchange.portable import CHILDREN, PORTABLE, unpacked
from nccli.store.exchange.untrusted import checked, columns, outward, reason, refuse_constant
from nccli.store.runs.content import RunContent
from nccli.store.schema.column_types import JsonText, Real

_MOST_CHARACTERS = 2**28
"""Of one field: a matrix of the largest configurations is some MiB in base64."""


class CsvWriter:
    """Writes runs into a folder of CSV files, a file a table."""

    def __init__(self, files: Mapping[str, BinaryIO]) -> None:
        """Write the headers.

        Args:
            files: by table.
        """
        self._files = files
        for name, table in PORTABLE.items():
            self._write(name, [columns(table)])

    def add(self, content: RunContent) -> None:
        """Write one run.

        Raises:
            ValueError: a block of it cannot be unpacked.
        """
        for name, rows in unpacked(content).items():
            self._rows(name, rows if name == "run" else [{"run_id": content.id, **row} for row in rows])

    def _rows(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        table = PORTABLE[name]
        self._write(name, [[_cell(outward(table, key, row.get(key))) for key in columns(table)] for row in rows])

    def _write(self, name: str, rows: Iterable[list[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._files[name].write(text.getvalue().encode())


def from_folder(folder: Path) -> Iterator[RunContent]:
    """The runs of a folder of CSV files; rows of one run lie together, in the order of `run.csv`.

    Raises:
        InputError: a file that is missing, or not what `CsvWriter` writes.
    """
    with ExitStack() as files:
        readers = {}
        for name, table in PORTABLE.items():
            readers[name] = _Rows(folder / f"{name}.csv", table)
            files.callback(readers[name].close)
        for row in readers["run"].rows():
            children = {name: readers[name].of(str(row.get("id"))) for name in CHILDREN}
            try:
                yield checked({"run": row, **children})
            except (ValueError, TypeError, OverflowError) as error:
                raise InputError(f"{folder}: run '{row.get('id')}': {reason(error)}") from error
        for name in CHILDREN:
            readers[name].expect_end()


class _Rows:
    """Rows of one CSV file, taken run by run."""

    def __init__(self, path: Path, table: Table) -> None:
        try:
            self._file = path.open(newline="", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        self._path, self._table = path, table
        csv.field_size_limit(_MOST_CHARACTERS)
        self._reader = csv.reader(self._file, strict=True)
        self._ahead: dict[str, Any] | None = None
        try:
            self._header = self._next() or []
            names = columns(table)
            if not set(self._header) <= set(names) or len(set(self._header)) < len(self._header):
                raise InputError(f"{path}: the header must have columns of {','.join(names)}")
        except InputError:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()

    def rows(self) -> Iterator[dict[str, Any]]:
        while (row := self._next()) is not None:
            yield self._fields(row)

    def of(self, run: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            if self._ahead is None:
                row = self._next()
                self._ahead = None if row is None else self._fields(row)
            if self._ahead is None or self._ahead.get("run_id") != run:
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
            raise InputError(f"{self._path}, line {self._reader.line_num}: {reason(error)}") from error

    def _fields(self, row: list[str]) -> dict[str, Any]:
        if len(row) != len(self._header):
            raise InputError(f"{self._path}, line {self._reader.line_num}: {len(row)} fields, not {len(self._header)}")
        try:
            return {key: _from_cell(self._table, key, cell) for key, cell in zip(self._header, row, strict=True)}
        except (ValueError, OverflowError, RecursionError) as error:
            raise InputError(f"{self._path}, line {self._reader.line_num}: {reason(error)}") from error


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
        return json.loads(cell, parse_constant=refuse_constant)
    if isinstance(column.type, (Integer, BigInteger)):
        return int(cell)
    return float(cell) if isinstance(column.type, (Float, Real)) else cell
