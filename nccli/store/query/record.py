"""The JSON record of a run (design sheet, section 3)."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from nccli.catalogue.columns import DATA, LAYER_COLUMNS, RECORD, Type, names
from nccli.catalogue.metrics import METRICS, Family
from nccli.catalogue.stages import Stage
from nccli.metrics import RANK_RTOL
from nccli.store.connection.among import one_of
from nccli.store.connection.store import Store
from nccli.store.query.select import IN_ORDER, Row, by_run, plain_rows, select_ranks, select_spectra
from nccli.store.schema.tables import LAYER, RUN

_RECORDED = [metric for metric in METRICS if metric.recorded]
_OF_LAYERS = (
    *("layer", "stage", *(metric.name for metric in _RECORDED if metric.family is Family.LAYER)),
    *("structure", "structure_distance"),
)
_REAL = tuple(column.name for column in LAYER_COLUMNS if column.type is Type.REAL and column.name in _OF_LAYERS)
_OF_SINGLE = (*(metric.name for metric in _RECORDED if metric.family is Family.SINGLE), "name")


def loss_ratio(loss: float, reference: float | None) -> float | None:
    """loss / reference; None where there is no reference."""
    return None if reference is None else loss / reference


def ratios(run: Row) -> dict[str, float | None]:
    """Loss over those of DNC and SRG."""
    return {f"ratio_{name}": loss_ratio(run["loss"], run[f"loss_{name}"]) for name in ("dnc", "srg")}


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
    return [
        columns_with_ratios(run, before)
        | {"layers": layers[run["id"]], **{name: run[name] for name in after}}
        | data_columns(run)
        for run in runs
    ]


def record_keys(store: Store, ids: Sequence[str]) -> list[str]:
    """The keys that one record or another of these runs has."""
    before, after = _around_layers()
    with store.read() as connection:
        saw_data = select(RUN.c.id).where(RUN.c.dataset.is_not(None), one_of(RUN.c.id, ids, connection)).limit(1)
        data = names(DATA) if connection.execute(saw_data).first() is not None else ()
    return [*columns_with_ratios(defaultdict(lambda: None), before), "layers", *after, *data]


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
    columns = [LAYER.c[name] for name in ("run_id", *_OF_LAYERS, *_OF_SINGLE)]
    query = select(*columns).where(one_of(LAYER.c.run_id, ids, connection)).order_by(*IN_ORDER)
    for run, *values in plain_rows(connection, query):
        layer = dict(zip(_OF_LAYERS, values, strict=False))
        stage = Stage(values[0], values[1])
        for name in _REAL:
            if layer[name] is None:
                layer[name] = math.nan
        if ranks is not None:
            layer["rank"] = ranks[run].get(stage)
        layer["singular_values"] = spectra[run].get(stage, [])
        single = values[len(_OF_LAYERS) :]
        if single.count(None) < len(single):
            layer |= zip(_OF_SINGLE, single, strict=True)
        found[run].append(layer)
    return found
