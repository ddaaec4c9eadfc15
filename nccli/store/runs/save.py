"""Writing a run: all of it, in one transaction, or nothing."""

from dataclasses import asdict, fields
from typing import Any

import numpy as np
from sqlalchemy import delete, insert, select

from nccli.catalogue.runs import FINISHED
from nccli.metrics import CollapseMetrics, LayerMetrics
from nccli.store.connection.store import Store
from nccli.store.runs.finished_run import FinishedRun
from nccli.store.runs.layer_summary import layer_summary
from nccli.store.runs.worker import now
from nccli.store.schema.tables import History, Layer, Matrix, Run, SingularValue

COLLAPSE_COLUMNS = tuple(field.name for field in fields(CollapseMetrics))


def save_run(store: Store, run: FinishedRun) -> str:
    """Store a run, in place of one with the same id, and return its id.

    An interrupted run takes the place of no finished one: making that again was given up.

    Raises:
        StoreError: the store is busy or cannot be written; what was there before is unchanged.
    """
    key = run.id
    row = {**run.columns, "id": key, "created": now()}
    layers = [_layer_row(key, layer) for layer in run.layers]
    row |= layer_summary(run.row["L"], layers)
    values = [
        {"run_id": key, "layer": layer.layer, "stage": layer.stage, "index": i, "value": float(value)}
        for layer in run.layers
        for i, value in enumerate(layer.singular_values, 1)
    ]
    history = [{"run_id": key, **point} for point in run.history]
    matrices = [matrix for layer in run.layers for matrix in _matrix_rows(key, layer)]
    with store.write() as connection:
        if run.row["status"] not in FINISHED:
            before = connection.scalar(select(Run.status).where(Run.id == key))  # type: ignore[call-overload]
            if before in FINISHED:
                return key
        connection.execute(delete(Run).where(Run.id == key))  # type: ignore[arg-type]  # SQLModel types columns as values
        connection.execute(insert(Run), row)
        for table, rows in ((Layer, layers), (SingularValue, values), (History, history), (Matrix, matrices)):
            if rows:
                connection.execute(insert(table), rows)
    return key


def _layer_row(key: str, layer: LayerMetrics) -> dict[str, Any]:
    return {
        "run_id": key,
        "layer": layer.layer,
        "stage": layer.stage,
        "dnc1": layer.dnc1,
        "dnc2": layer.dnc2,
        "dnc3": None if layer.dnc3 is None or np.isnan(layer.dnc3) else layer.dnc3,
        "rank": layer.rank,
        "effective_rank": layer.effective_rank,
        "stable_rank": layer.stable_rank,
        "nuclear_norm": layer.nuclear_norm,
        "structure": layer.structure.name,
        "structure_distance": layer.structure.distance,
        "structure_order": layer.structure.permutation.tolist(),
        **_collapse_columns(layer),
        "name": layer.name,
    }


def _collapse_columns(layer: LayerMetrics) -> dict[str, float | None]:
    """The single-layer set, what does not exist as None."""
    values = dict.fromkeys(COLLAPSE_COLUMNS) if layer.collapse is None else asdict(layer.collapse)
    return {name: None if value is None or np.isnan(value) else value for name, value in values.items()}


def _matrix_rows(key: str, layer: LayerMetrics) -> list[dict[str, Any]]:
    rows = []
    for name, value in (("class_means", layer.class_means.T), ("gram", layer.gram)):
        array = np.ascontiguousarray(value, dtype="<f8")
        rows.append(
            {
                "run_id": key,
                "layer": layer.layer,
                "stage": layer.stage,
                "name": name,
                "shape": list(array.shape),
                "dtype": "<f8",
                "bytes": array.tobytes(),
            }
        )
    return rows
