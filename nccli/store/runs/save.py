"""Writing a run: all of it, in one transaction, or nothing."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, select

from nccli.catalogue.metrics import METRICS, Metric
from nccli.catalogue.runs import FINISHED
from nccli.catalogue.stages import Stage, When
from nccli.metrics import LayerMetrics
from nccli.printable import printable
from nccli.store.blocks.history import pack_history
from nccli.store.blocks.matrices import CLASS_MEANS, OUTPUT, SPECTRA, WEIGHTS, pack_matrices
from nccli.store.blocks.precision import precision
from nccli.store.connection.store import Store
from nccli.store.runs.content import RunContent, write_content
from nccli.store.runs.finished_run import FinishedRun
from nccli.store.runs.layer_summary import run_summary
from nccli.store.runs.series import PLACE, with_place
from nccli.store.runs.worker import now
from nccli.store.schema.tables import RUN


def save_run(store: Store, run: FinishedRun, require: Callable[[Connection, str], None] | None = None) -> str:
    """Store a run, in place of one with the same id, and return its id.

    An interrupted run takes the place of no finished one: making that again was given up.

    Args:
        store: where it goes.
        run: all of it.
        require: asked first, in the same transaction, whether the run with this id may be stored; what it raises is
            raised, and nothing is stored.

    Raises:
        StoreError: the store is busy or cannot be written; what was there before is unchanged.
    """
    content = content_of(run)
    with store.write() as connection:
        if require is not None:
            require(connection, content.id)
        columns = (RUN.c[name] for name in ("status", "tag", *PLACE))
        found = connection.execute(select(*columns).where(RUN.c.id == content.id)).first()
        before = {} if found is None else dict(found._mapping)
        if not content.finished and before.get("status") in FINISHED:
            return content.id
        if before:  # a run that is made again keeps its name and its place
            tag = before["tag"] if content.run["tag"] is None else content.run["tag"]
            content = replace(content, run={**content.run, "tag": tag, **with_place(before, content.run)})
        write_content(connection, content)
    return content.id


def content_of(run: FinishedRun) -> RunContent:
    """A run as rows of the store's tables."""
    layers = [_layer_row(layer) for layer in run.layers]
    row = {name: printable(value) if isinstance(value, str) else value for name, value in run.columns.items()}
    row = _whole(RUN, row | {"id": run.id, "created": now(), **run_summary(row, layers)})
    values = [
        {"layer": layer.layer, "stage": layer.stage, "index": i, "value": float(value)}
        for layer in run.layers
        for i, value in enumerate(layer.singular_values, 1)
    ]
    kind = precision(row)
    means = {Stage(layer.layer, layer.stage): np.ascontiguousarray(layer.class_means.T) for layer in run.layers}
    of_layers = {WEIGHTS: dict(enumerate(run.weights, 1)), **run.state, **_spectra(run), OUTPUT: _output(run)}
    kept = {name: {Stage(layer, When.POST.value): M for layer, M in found.items()} for name, found in of_layers.items()}
    matrices = [
        {"name": name, **block}
        for name, found in {CLASS_MEANS: means, **kept}.items()
        for block in pack_matrices(found, kind)
    ]
    points = sorted(run.history, key=itemgetter("step"))
    history = [{"points": len(points), "block": pack_history(points, kind)}] if points else []
    return RunContent(row, {"layer": layers, "singular_value": values, "history": history, "matrix": matrices})


def _spectra(run: FinishedRun) -> dict[str, dict[int, np.ndarray]]:
    """Spectra of weights and features, a row each, by name and layer."""
    layers = [layer for layer in run.layers if layer.stage == When.POST]
    return {name: {each.layer: each.spectra[name][None] for each in layers if name in each.spectra} for name in SPECTRA}


def _output(run: FinishedRun) -> dict[int, np.ndarray]:
    """Class means of the output, a column a class, by the layer that makes it."""
    found = {layer.layer: layer.output for layer in run.layers if layer.output is not None}
    return {layer: np.ascontiguousarray(output.T) for layer, output in found.items()}


def _whole(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with what is absent."""
    return {column.name: row.get(column.name) for column in table.c if column.name != "run_id"}


def _layer_row(layer: LayerMetrics) -> dict[str, Any]:
    """A row of table `layer` without the run."""
    found: Mapping[str, Any] = {
        "structure": layer.structure.name,
        "structure_distance": layer.structure.distance,
        "structure_order": layer.structure.permutation.tolist(),
    }
    values = {metric.name: _kept(metric, layer.values[metric.name]) for metric in METRICS}
    return {"layer": layer.layer, "stage": layer.stage, **values, **found, "name": layer.name and printable(layer.name)}


def _kept(metric: Metric, value: float | None) -> float | None:
    """A value as its column takes it: nan is absent, unless every layer has the metric."""
    return None if value is None or (math.isnan(value) and not metric.always) else value
