"""The columns of an export as Parquet has them: types of their own, what they mean beside them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from nccli.catalogue.columns import LAYER_COLUMNS, RUN_COLUMNS, VALUE_COLUMNS, Column, Type
from nccli.catalogue.metrics import HISTORY as KEPT
from nccli.errors import InputError
from nccli.store.blocks.history import NEGATIVE, SPECTRA
from nccli.store.exchange.portable import PORTABLE

if TYPE_CHECKING:
    import pyarrow as pa

TABLES: Mapping[str, tuple[Column, ...]] = {
    "run": tuple(column for column in RUN_COLUMNS if column.name != "checksum"),
    "layer": LAYER_COLUMNS,
    "singular_value": VALUE_COLUMNS,
}
"""Columns of the tables that the catalogue declares."""

LAYERS, VALUES = "layers", "singular_values"
"""Lists in a row of a run, named as in its record."""


def require_pyarrow(what: object) -> None:
    """Check that Parquet can be written here.

    Args:
        what: is to be written, for the message.

    Raises:
        InputError: pyarrow is missing.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise InputError(f"{what}: Parquet needs pyarrow ({error.name}): pip install 'nccli[parquet]'") from error


def table_schema(table: str) -> "pa.Schema":
    """The schema of a table of `nccli.store.exchange.portable.PORTABLE`, less what does not leave the store."""
    import pyarrow as pa

    if table in TABLES:
        return pa.schema(map(field, TABLES[table]), metadata=_about(f"table {table} of an nccli store"))
    names = [column.name for column in PORTABLE[table].c]
    keys = {column.name: column for column in LAYER_COLUMNS[:3]}
    kinds = _of_history() if table == "history" else _of_matrices()
    fields = [field(keys[name]) if name in keys else pa.field(name, *kinds[name]) for name in names]
    return pa.schema(fields, metadata=_about(f"{table} of runs of an nccli store"))


def run_schema() -> "pa.Schema":
    """The schema of a file with a row a run: columns of table `run`, its layers as a list with their spectra."""
    import pyarrow as pa

    values = pa.field(VALUES, pa.list_(pa.float64()), metadata=_about("of the class means, largest first"))
    layer = pa.struct([*map(field, _without_run(LAYER_COLUMNS)), values])
    layers = pa.field(LAYERS, pa.list_(layer), metadata=_about("rows of table layer, first to last"))
    return pa.schema([*map(field, TABLES["run"]), layers], metadata=_about("runs of an nccli store, a row each"))


def _without_run(columns: Iterable[Column]) -> list[Column]:
    return [column for column in columns if column.name != "run_id"]


def field(column: Column) -> "pa.Field":
    """A declared column. A configuration is JSON text, for runs of different kinds have different options."""
    import pyarrow as pa

    types = {
        Type.TEXT: pa.string(),
        Type.INTEGER: pa.int64(),
        Type.LONG: pa.int64(),
        Type.NUMBER: pa.float64(),
        Type.REAL: pa.float64(),
        Type.DOCUMENT: pa.string() if column.name == "config" else pa.list_(pa.int64()),
    }
    always = column.required or column.type is Type.REAL
    return pa.field(column.name, types[column.type], nullable=not always, metadata=_about(column.means, column.unit))


def _of_history() -> "Mapping[str, tuple[pa.DataType, bool, Mapping[str, str]]]":
    """Type, whether it may be absent, and meaning of what was measured during training."""
    import pyarrow as pa

    number = pa.float64()
    losses = {column.name: column.means for column in RUN_COLUMNS}
    losses["grad_norm"] = "‖∇loss‖"
    of_layers = {metric.name: metric for metric in KEPT}
    return {
        "step": (pa.int64(), False, _about("after which it was measured")),
        **{name: (number, False, _about(losses[name])) for name in ("loss", "fit", "reg", "grad_norm")},
        **{
            name: (pa.list_(pa.int64() if metric.whole else number), False, _about(f"by layer and stage, {metric.of}"))
            for name, metric in of_layers.items()
        },
        "train_accuracy": (number, True, _about(losses["train_accuracy"])),
        SPECTRA: (pa.list_(pa.list_(number)), True, _about("of the class means by layer and stage, largest first")),
        NEGATIVE: (pa.list_(number), True, _about("what ReLU takes away of class means, by layer")),
    }


def _of_matrices() -> "Mapping[str, tuple[pa.DataType, bool, Mapping[str, str]]]":
    import pyarrow as pa

    return {
        "name": (pa.string(), False, _about("class_means (d × K), weights (out × in), …")),
        "shape": (pa.list_(pa.int64()), False, _about("rows, columns")),
        "dtype": (pa.string(), False, _about("of the numbers, as NumPy writes it")),
        "bytes": (pa.binary(), False, _about("the numbers, row by row")),
    }


def _about(means: str, unit: str = "") -> Mapping[str, str]:
    return {"description": means} | ({"unit": unit} if unit else {})
