"""Runs as a folder of Parquet files, written a row group at a time: any number of runs needs the memory of a few."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

from nccli import strict_json
from nccli.store.exchange.parquet_fields import table_schema
from nccli.store.exchange.portable import unpacked
from nccli.store.runs.content import RunContent

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_CELLS = 2**20
"""Of a row group. A taste: some 50 MB as Python objects, some MB in the file."""

Row = Mapping[str, Any]


class ParquetWriter(AbstractContextManager["ParquetWriter"]):
    """Writes runs into Parquet files, a file a table. Use as a context manager."""

    def __init__(self, files: Mapping[str, BinaryIO]) -> None:
        """Write the headers.

        Args:
            files: by table of `nccli.store.exchange.portable.PORTABLE`.
        """
        self._tables = {name: _Table(file, table_schema(name)) for name, file in files.items()}

    def add(self, content: RunContent) -> None:
        """Write one run.

        Raises:
            ValueError: a block of it cannot be unpacked.
        """
        run = {**content.run, "config": strict_json.dumps(content.run["config"], sort_keys=True)}
        for name, rows in unpacked(content).items():
            self._tables[name].add([run] if name == "run" else [{"run_id": content.id, **row} for row in rows])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is left, and the footers; after an error the files are of no use."""
        with ExitStack() as closing:
            for table in self._tables.values():
                closing.callback(table.close, whole=kind is None)


class _Table:
    """A Parquet file, and the rows that go into its next row group."""

    def __init__(self, file: BinaryIO, schema: "pa.Schema") -> None:
        from pyarrow import parquet

        self._writer = parquet.ParquetWriter(file, schema, compression="zstd")
        self._schema, self._size = schema, _sizes(schema)
        self._rows: list[Row] = []
        self._cells = 0

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._rows.append(row)
            self._cells += self._size(row)
            if self._cells >= _MOST_CELLS:
                self._flush()

    def close(self, whole: bool) -> None:
        try:
            if whole and self._rows:
                self._flush()
        finally:
            self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        arrays = [pa.array([row.get(field.name) for row in self._rows], field.type) for field in self._schema]
        self._rows, self._cells = [], 0
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))


def _sizes(schema: "pa.Schema") -> Callable[[Row], int]:
    """Tells how many numbers or the like a row of a table is."""
    import pyarrow as pa

    plain = len(schema)
    nested = [field.name for field in schema if pa.types.is_nested(field.type) or pa.types.is_binary(field.type)]
    return (lambda row: plain + sum(_cells(row.get(name)) for name in nested)) if nested else (lambda row: plain)


def _cells(value: Any) -> int:
    if isinstance(value, bytes):
        return len(value) // 8
    if isinstance(value, list):
        return sum(map(len, value)) if value and isinstance(value[0], list) else len(value)
    return 0
