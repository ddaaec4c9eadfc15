"""The JSON record of a run (design sheet, section 3)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from nccli.catalogue.columns import DATA, RECORD, names
from nccli.catalogue.metrics import METRICS, Family
from nccli.catalogue.stages import Stage
from nccli.metrics import RANK_RTOL
from nccli.store.query.select import Row, select_layers, select_ranks, select_spectra

_RECORDED = [metric for metric in METRICS if metric.recorded]
_OF_LAYERS = tuple(metric.name for metric in _RECORDED if metric.family is Family.LAYER)
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
    ids = [run["id"] for run in runs]
    layers = select_layers(connection, ids)
    ranks = select_ranks(connection, ids, rank_rtol)
    spectra = select_spectra(connection, ids)
    before, after = _around_layers()
    records = []
    for run in runs:
        key = run["id"]
        own = [_layer(layer, ranks[key], spectra[key]) for layer in layers[key]]
        record = {**columns_with_ratios(run, before), "layers": own, **{name: run[name] for name in after}}
        records.append(record | data_columns(run))
    return records


def _around_layers() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns of the record before and after its layers, which follow the configuration."""
    recorded = names(RECORD)
    place = recorded.index("config") + 1
    return recorded[:place], recorded[place:]


def _layer(layer: Row, ranks: dict[Stage, int], spectra: dict[Stage, list[float]]) -> dict[str, Any]:
    stage = Stage(layer["layer"], layer["stage"])
    single = {name: layer[name] for name in _OF_SINGLE}
    return {
        "layer": stage.layer,
        "stage": stage.stage,
        **{name: layer[name] for name in _OF_LAYERS},
        "rank": ranks[stage],
        **{name: layer[name] for name in ("structure", "structure_distance")},
        "singular_values": spectra[stage],
        **(single if any(value is not None for value in single.values()) else {}),
    }
