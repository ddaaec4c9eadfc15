"""For migrations: a new column of table `layer` filled from the class means that the store keeps.

Plain SQL over columns that every schema since 0001 has, or over blocks, so that a migration of any age can stand on it;
the function that it fills with is the migration's own, frozen there.
"""

import json
import zlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import sqlalchemy as sa
from jaxtyping import Float

from nccli.store.schema.frozen.blocks_0013 import class_means_of

_AT_ONCE = 2_000
"""Rows written at a time: some hundred KiB."""

_ROWS = """
SELECT matrix.run_id, matrix.layer, matrix.stage, matrix.shape, matrix.dtype, matrix.bytes FROM matrix
JOIN layer ON layer.run_id = matrix.run_id AND layer.layer = matrix.layer AND layer.stage = matrix.stage
WHERE matrix.name = 'class_means'
"""
_BLOCKS = "SELECT run_id, block FROM matrix WHERE name = 'class_means'"


def add_metric(
    connection: sa.Connection,
    name: str,
    function: Callable[[Float[np.ndarray, "K d"]], float | None],
    stages: Sequence[str] = ("pre", "post"),
) -> None:
    """Add a column of numbers to table `layer`, and fill it for all stored layers at these stages.

    Args:
        connection: of the migration, `op.get_bind()`.
        name: of the column.
        function: of class means, one class a row; None or nan, so 0/0 too, is NULL.
        stages: at which the metric exists.
    """
    connection.execute(sa.text(f'ALTER TABLE layer ADD COLUMN "{name}" FLOAT'))
    update = sa.text(f'UPDATE layer SET "{name}" = :value WHERE run_id = :run AND layer = :layer AND stage = :stage')
    found = []
    for run, layer, stage, means in _class_means(connection):
        if stage in stages:
            with np.errstate(invalid="ignore", divide="ignore"):
                value = function(means)
            if value is not None and not np.isnan(value):
                found.append({"value": float(value), "run": run, "layer": layer, "stage": stage})
    for start in range(0, len(found), _AT_ONCE):
        connection.execute(update, found[start : start + _AT_ONCE])


def _class_means(connection: sa.Connection) -> Iterator[tuple[str, int, str, Float[np.ndarray, "K d"]]]:
    """Of all layers of all runs: run, layer, stage, one class a row; from rows before 0013, from blocks since."""
    columns = {column["name"] for column in sa.inspect(connection).get_columns("matrix")}
    if "block" in columns:
        for run, block in connection.execute(sa.text(_BLOCKS)).all():
            try:
                found = class_means_of(block)
            except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError, zlib.error):
                continue  # damaged: it stays as it is, and `nccli store check` names it
            for (layer, stage), M in found.items():
                yield run, layer, stage, np.ascontiguousarray(M.T, dtype=np.float64)
    else:
        for run, layer, stage, shape, dtype, raw in connection.execute(sa.text(_ROWS)).all():
            yield run, layer, stage, np.ascontiguousarray(np.frombuffer(raw, dtype=dtype).reshape(json.loads(shape)).T)
