"""The JSON record of a run (design sheet, section 3)."""

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, select

from nccli.catalogue.columns import DATA, LAYER_COLUMNS, RECORD, Type, names
from nccli.catalogue.metrics import METRICS, Family
from nccli.catalogue.stages import Stage
from nccli.metrics import RANK_RTOL
from nccli.store.connection.among import one_of
from nccli.store.connection.store import Store
from nccli.store.query.run_page import RunPage
from nccli.store.query.select import IN_ORDER, Row, by_run, plain_rows, select_ranks, select_spectra
from nccli.store.schema.column_types import from_raw
from nccli.store.schema.tables import LAYER, RUN

_RECORDED = [metric for metric in METRICS if metric.recorded]
OF_LAYERS = (
    *("layer", "stage", *(metric.name for metric in _RECORDED if metric.family is Family.LAYER)),
    *("structure", "structure_distance"),
)
"""Columns of table `layer` that stand in the record of every layer; singular values follow."""

_REAL = tuple(column.name for column in LAYER_COLUMNS if column.type is Type.REAL and column.name in OF_LAYERS)
OF_SINGLE = (*(metric.name for metric in _RECORDED if metric.family is Family.SINGLE), "name")
"""Those that follow in the record of a layer that has one of them."""

RATIOS = {"ratio_dnc": "loss_dnc", "ratio_srg": "loss_srg"}
"""Losses that the loss is told over."""


def loss_ratio(loss: float, reference: float | None) -> float | None:
    """loss / reference; None where there is no reference."""
    return None if reference is None else loss / reference


def ratios(run: Row) -> dict[str, float | None]:
    """Loss over those of DNC and SRG."""
    return {name: loss_ratio(run["loss"], run[reference]) for name, reference in RATIOS.items()}


def columns_with_ratios(run: Row, columns: Sequence[str]) -> dict[str, Any]:
    """Columns of a run, and after the losses the ratios."""
    record: dict[str, Any] = {}
    for name in columns:
        record[name] = run[name]
        if name == "loss_srg":
            record |= ratios(run)
    return record


def data_columns(run: Row) -> dict[str, Any]:
    """What runs have that saw data; nothing of others."""
    return {name: run[name] for name in names(DATA)} if run["dataset"] is not None else {}


def run_records(connection: Connection, runs: Sequence[Row], rank_rtol: float = RANK_RTOL) -> list[dict[str, Any]]:
    """Full records of runs, layers and spectra included.

    Args:
        connection: to the store.
        runs: rows of table `run`.
        rank_rtol: tolerance of the ranks.
    """
    layers = _layers(connection, [run["id"] for run in runs], rank_rtol)
    before, after = _around_layers()
    return [_record(run, layers[run["id"]], before, after) for run in runs]


def _record(run: Row, layers: list[dict[str, Any]], before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
    record = columns_with_ratios(run, before)
    record["layers"] = layers
    return record | {name: run[name] for name in after} | data_columns(run)


def page_records(page: RunPage) -> list[dict[str, Any]]:
    """The same of runs that were read as a page."""
    spectra = [page.values[start:end] for start, end in pairwise(page.spectra)]
    rows = zip(*(page.layers[name] for name in (*OF_LAYERS, *OF_SINGLE)), strict=True)
    layers = [_layer(values, list(spectrum)) for values, spectrum in zip(rows, spectra, strict=True)]
    before, after = _around_layers()
    found = []
    for values, own in zip(zip(*page.runs.values(), strict=True), page.layers_of, strict=True):
        run = from_raw(RUN, dict(zip(page.runs, values, strict=True)))
        found.append(_record(run, [layers[i] for i in own], before, after))
    return found


def record_keys(store: Store, ids: Sequence[str]) -> list[str]:
    """The keys that one record or another of these runs has."""
    with store.read() as connection:
        saw_data = select(RUN.c.id).where(RUN.c.dataset.is_not(None), one_of(RUN.c.id, ids, connection)).limit(1)
        data = names(DATA) if connection.execute(saw_data).first() is not None else ()
    return [*keys_of_all(), *data]


def keys_of_all() -> list[str]:
    """The keys of every record; those of data follow."""
    before, after = _around_layers()
    return [*columns_with_ratios(defaultdict(lambda: None), before), "layers", *after]


def _around_layers() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns of the record before and after its layers, which follow the configuration."""
    recorded = names(RECORD)
    place = recorded.index("config") + 1
    return recorded[:place], recorded[place:]


def _layers(connection: Connection, ids: Sequence[str], rank_rtol: float) -> dict[str, list[dict[str, Any]]]:
    """What records tell of layers, by run."""
    spectra = select_spectra(connection, ids)
    ranks = None if rank_rtol == RANK_RTOL else select_ranks(connection, ids, rank_rtol)
    found = by_run(list[dict[str, Any]], ids)
    columns = [LAYER.c[name] for name in ("run_id", *OF_LAYERS, *OF_SINGLE)]
    query = select(*columns).where(one_of(LAYER.c.run_id, ids, connection)).order_by(*IN_ORDER)
    for run, *values in plain_rows(connection, query):
        stage = Stage(values[0], values[1])
        layer = _layer(values, spectra[run].get(stage, []))
        if ranks is not None:
            layer["rank"] = ranks[run].get(stage)
        found[run].append(layer)
    return found


def _layer(values: Sequence[Any], spectrum: list[float]) -> dict[str, Any]:
    """What a record tells of a layer, by its columns `OF_LAYERS` and `OF_SINGLE` as the driver has them."""
    layer = dict(zip(OF_LAYERS, values, strict=False))
    for name in _REAL:
        if layer[name] is None:
            layer[name] = math.nan
    layer["singular_values"] = spectrum
    single = values[len(OF_LAYERS) :]
    if single.count(None) < len(single):
        layer |= zip(OF_SINGLE, single, strict=True)
    return layer
