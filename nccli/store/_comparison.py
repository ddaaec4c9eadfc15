"""Runs against theory: ratios, ranks by layer, and their means over groups."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from sqlalchemy import Connection

from nccli.errors import InputError
from nccli.store._query import Row, Stage, select_layers, select_ranks
from nccli.store._record import largest_dnc1, loss_ratio

GROUP_COLUMNS = (
    *("kind", "status", "K", "L", "n", "width", "wd", "wd_h1"),
    *("lr", "seed", "steps", "activation", "dtype", "device", "dataset", "backbone", "reg_kind"),
)
_SETTINGS = ("kind", "K", "L", "n", "width", "wd", "wd_h1", "lr", "activation", "dataset", "backbone", "reg_kind")


def hidden_layers(L: int) -> list[Stage]:
    """The stages whose ranks agree in a low-rank solution: M_l for l = 2..L−1, for L = 2 the pre-activation Mt_2."""
    return [Stage(layer, "post") for layer in range(2, L)] or [Stage(2, "pre")]


def comparison_records(connection: Connection, runs: Sequence[Row], rank_rtol: float) -> list[dict[str, Any]]:
    """Each run against the DNC and SRG loss of its problem.

    Returns:
        For each run its settings and losses; `ranks` of M_1..M_L, `rank_last_pre` of Mt_L; `mean_rank` over the
        `hidden_layers` and whether they all agree; `max_dnc1` over layers and stages; whether the loss is below DNC's.
    """
    ids = [run["id"] for run in runs]
    ranks, layers = select_ranks(connection, ids, rank_rtol), select_layers(connection, ids)
    records = []
    for run in runs:
        by_stage = ranks[run["id"]]
        hidden = [by_stage[stage] for stage in hidden_layers(run["L"]) if stage in by_stage]
        record = {name: run[name] for name in ("id", "kind", "status", "K", "L", "n", "width", "wd", "wd_h1", "lr")}
        record |= {name: run[name] for name in ("seed", "steps", "activation", "dtype", "device")}
        record |= {name: run[name] for name in ("loss", "fit", "reg", "loss_dnc", "loss_srg")}
        record["ratio_dnc"] = loss_ratio(run["loss"], run["loss_dnc"])
        record["ratio_srg"] = loss_ratio(run["loss"], run["loss_srg"])
        record["below_dnc"] = None if run["loss_dnc"] is None else run["loss"] < run["loss_dnc"]
        record["ranks"] = [by_stage[Stage(i, "post")] for i in range(1, run["L"] + 1) if Stage(i, "post") in by_stage]
        record["rank_last_pre"] = by_stage.get(Stage(run["L"], "pre"))
        record["mean_rank"] = fmean(hidden) if hidden else None
        record["ranks_agree"] = len(set(hidden)) == 1 if hidden else None
        record["max_dnc1"] = largest_dnc1(layers[run["id"]])
        if run["dataset"] is not None:
            record |= {
                name: run[name] for name in ("dataset", "backbone", "reg_kind", "train_accuracy", "test_accuracy")
            }
        records.append(record)
    return records


def parse_group_by(text: str) -> tuple[str, ...]:
    """Read the columns of --group-by.

    Raises:
        InputError: a name that is not one of them.
    """
    keys = tuple(part.strip() for part in text.split(","))
    for key in keys:
        if key not in GROUP_COLUMNS:
            raise InputError(f"--group-by: no column '{key}'; columns are {', '.join(GROUP_COLUMNS)}")
    return tuple(dict.fromkeys(keys))


def mixed_columns(records: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[str]:
    """Settings, other than the keys, in which runs of one group differ."""
    mixed = []
    for column in _SETTINGS:
        seen: dict[tuple[Any, ...], Any] = {}
        if column in keys:
            continue
        if any(seen.setdefault(_key(record, keys), record.get(column)) != record.get(column) for record in records):
            mixed.append(column)
    return mixed


def group_records(records: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Mean, sample standard deviation, min and max over the runs of each group, groups in increasing order.

    Args:
        records: from `comparison_records`.
        keys: columns that make the groups.

    Returns:
        For each group its keys, `runs`, `loss`, `ratio_dnc`, `ratio_srg` and `mean_rank` with suffixes _mean, _sd
        (None for one run), _min, _max, and the shares of runs below the DNC loss and with equal hidden ranks.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for record in records:
        groups.setdefault(_key(record, keys), []).append(record)
    rows = []
    for key in sorted(groups, key=lambda key: [(value is None, value) for value in key]):
        members = groups[key]
        row: dict[str, Any] = {**dict(zip(keys, key, strict=True)), "runs": len(members)}
        for quantity in ("loss", "ratio_dnc", "ratio_srg", "mean_rank"):
            row |= _summary(quantity, [m[quantity] for m in members if m[quantity] is not None])
        row["share_below_dnc"] = _share([m["below_dnc"] for m in members if m["below_dnc"] is not None])
        row["share_ranks_agree"] = _share([m["ranks_agree"] for m in members if m["ranks_agree"] is not None])
        rows.append(row)
    return rows


def _key(record: Mapping[str, Any], keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(record.get(key) for key in keys)


def _summary(name: str, values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {f"{name}_{suffix}": None for suffix in ("mean", "sd", "min", "max")}
    mean, spread = mean_sd(values)
    least, most = (math.nan, math.nan) if any(map(math.isnan, values)) else (min(values), max(values))
    return {f"{name}_mean": mean, f"{name}_sd": spread, f"{name}_min": least, f"{name}_max": most}


def mean_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation: None for the latter of a single value, nan unless all values are finite."""
    mean = fmean(values)
    if len(values) == 1:
        return mean, None
    return mean, stdev(values) if all(map(math.isfinite, values)) else math.nan


def _share(flags: Sequence[bool]) -> float | None:
    return fmean(flags) if flags else None
