"""Runs as one Parquet file with a row a run, read and written column by column."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from jaxtyping import Int
from sqlalchemy import Connection, select

from nccli.catalogue.columns import Column, Type
from nccli.catalogue.runs import RUNNING
from nccli.store.connection.among import one_of
from nccli.store.exchange.parquet_fields import LAYERS, TABLES, VALUES, field, run_schema
from nccli.store.query.columnar import LayerColumns, SpectrumColumns, layer_columns, run_columns, spectrum_columns
from nccli.store.schema.tables import RUN

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_CELLS = 2**20
"""Numbers of a row group, as far as K and L tell. A taste: some 50 MB while they are read, some MB in the file."""

_OF_LAYERS = [column for column in TABLES["layer"] if column.name != "run_id"]


class ParquetRuns(AbstractContextManager["ParquetRuns"]):
    """Writes runs into a Parquet file, a row group at a time. Use as a context manager."""

    def __init__(self, file: BinaryIO) -> None:
        """Write the header."""
        from pyarrow import parquet

        self._schema = run_schema()
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")

    def add(self, connection: Connection, ids: Sequence[str], checked: bool = False) -> bool:
        """Write runs of a store, as a row group.

        Args:
            connection: to the store.
            ids: of some runs, as `portions` has them.
            checked: whether `unreadable_runs` finds nothing in them.

        Returns:
            False where one of them cannot be read as it is: nothing was written then.
        """
        import pyarrow as pa

        runs = run_columns(connection, ids, [column.name for column in TABLES["run"]], checked)
        if runs is None:
            return False
        layers = layer_columns(connection, ids, [column.name for column in _OF_LAYERS], checked)
        if layers is None:
            return False
        spectra = spectrum_columns(connection, ids, layers, checked)
        if spectra is None:
            return False
        of_layers = _layer_lists(len(ids), layers, spectra, self._schema.field(LAYERS).type)
        arrays = [_array(column, runs.columns[column.name], runs.order) for column in TABLES["run"]]
        self._writer.write_table(pa.Table.from_arrays([*arrays, of_layers], schema=self._schema))
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the footer; after an error the file is of no use."""
        self._writer.close()


def portions(connection: Connection, ids: Sequence[str]) -> Iterator[list[str]]:
    """Those of the runs that are not in training, in their order, as many at once as memory takes."""
    query = select(RUN.c.id, RUN.c.K, RUN.c.L).where(RUN.c.status != RUNNING, one_of(RUN.c.id, ids, connection))
    sizes = {key: _cells(K, L) for key, K, L in connection.execute(query)}
    part, cells = list[str](), 0
    for key in ids:
        if key in sizes:
            part.append(key)
            cells += sizes[key]
        if cells >= _MOST_CELLS:
            yield part
            part, cells = [], 0
    if part:
        yield part


def _cells(K: Any, L: Any) -> int:
    """How many numbers a run has; damage may have left anything."""
    sound = type(K) is int and type(L) is int
    return len(TABLES["run"]) + (2 * L * (len(_OF_LAYERS) + K) if sound else 0)


def _layer_lists(runs: int, layers: LayerColumns, spectra: SpectrumColumns, type_: Any) -> "pa.Array":
    """For each run its layers, each with its singular values."""
    import pyarrow as pa

    inner = type_.value_type
    values = _lists(spectra.row, len(layers.order), pa.array(spectra.value), inner.field(VALUES).type)
    arrays = [_array(column, layers.columns[column.name], layers.order) for column in _OF_LAYERS]
    rows = pa.StructArray.from_arrays([*arrays, values], fields=list(inner))
    return _lists(layers.run, runs, rows, type_)


def _lists(owner: Int[np.ndarray, " values"], owners: int, values: "pa.Array", type_: Any) -> "pa.Array":
    """Values as lists of their owners, which are numbered and increase."""
    import pyarrow as pa

    offsets = np.searchsorted(owner, np.arange(owners + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=type_)


def _array(column: Column, values: Sequence[Any] | None, order: Int[np.ndarray, " rows"]) -> "pa.Array":
    """Values of a column, as the driver has them, in an order; nan where one of type Real is NULL."""
    import pyarrow as pa

    kind = field(column).type
    if column.type is Type.REAL:
        numbers = np.full(len(order), np.nan) if values is None else np.array(values, dtype=np.float64)[order]
        return pa.array(numbers, kind)
    if values is None:
        return pa.nulls(len(order), kind)
    if pa.types.is_list(kind):
        values = [None if text is None else json.loads(text) for text in values]
    return pa.array(values, kind).take(pa.array(order))
