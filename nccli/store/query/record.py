"""The JSON record of a run (design sheet, section 3)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from nccli.catalogue.stages import Stage
from nccli.metrics import RANK_RTOL
from nccli.store.query.select import Row, select_layers, select_ranks, select_spectra
from nccli.store.runs.save import COLLAPSE_COLUMNS


def loss_ratio(loss: float, reference: float | None) -> float | None:
    """loss / reference; None where there is no reference."""
    return None if reference is None else loss / reference


def _collapse(layer: Row) -> dict[str, Any]:
    """The single-layer set of layers for which it was measured."""
    found = {name: layer[name] for name in (*COLLAPSE_COLUMNS, "name")}
    return found if any(value is not None for value in found.values()) else {}


def _end_to_end(run: Row) -> dict[str, Any]:
    """What runs have that saw data."""
    names = ("dataset", "backbone", "reg_kind", "epochs", "train_accuracy", "test_accuracy")
    return {name: run[name] for name in names} if run["dataset"] is not None else {}


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
    records = []
    for run in runs:
        key = run["id"]
        record = {name: run[name] for name in ("id", "kind", "status", "K", "L", "n", "width", "wd", "lr", "seed")}
        record |= {name: run[name] for name in ("steps", "loss", "fit", "reg", "loss_dnc", "loss_srg")}
        record["ratio_dnc"] = loss_ratio(run["loss"], run["loss_dnc"])
        record["ratio_srg"] = loss_ratio(run["loss"], run["loss_srg"])
        record |= {"grad_norm": run["grad_norm"], "seconds": run["seconds"], "config": run["config"]}
        record["layers"] = [
            {
                **{name: layer[name] for name in ("layer", "stage", "dnc1", "dnc2", "dnc3")},
                "rank": ranks[key][Stage(layer["layer"], layer["stage"])],
                **{name: layer[name] for name in ("effective_rank", "stable_rank")},
                **{name: layer[name] for name in ("structure", "structure_distance")},
                "singular_values": spectra[key][Stage(layer["layer"], layer["stage"])],
                **_collapse(layer),
            }
            for layer in layers[key]
        ]
        record |= {name: run[name] for name in ("created", "optimizer", "collapsed_at", "residual", "kinks")}
        record |= _end_to_end(run)
        records.append(record)
    return records
