"""The course of quantities of layers over steps: of checkpoints of a series, and of our own trainings."""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from nccli.catalogue.options import Split
from nccli.catalogue.stages import stages
from nccli.figures.figure import Row
from nccli.figures.over_steps import band_of, curve_rows
from nccli.figures.series import Series
from nccli.figures.stages import features_symbol, shown_stages
from nccli.figures.statistics import geometric_range
from nccli.figures.store_figure import Query
from nccli.figures.text import literal
from nccli.metrics import effective_rank
from nccli.store import select_layers, stack_history


@dataclass(frozen=True)
class Quantity:
    """A panel.

    Attributes:
        metric: column of table `layer`.
        label: of the axis.
        log: whether it is drawn in decades.
    """

    metric: str
    label: str
    log: bool = False


QUANTITIES = (
    Quantity("dnc1", "NC1 (DNC1)", log=True),
    Quantity("etf_distance", "NC2 (ETF distance)"),
    Quantity("self_duality", "NC3 (self-duality)"),
    Quantity("nc4", "NC4 (disagreement)"),
    Quantity("rank", "rank"),
    Quantity("effective_rank", "effective rank"),
)
"""In the order of the panels; those of which there is nothing are left out."""


def course_of_checkpoints(query: Query, series: Series) -> list[Row]:
    """A row for each quantity, layer, part of the data and step."""
    ids = [key for member in series.members for key in member.ids]
    layers = select_layers(query.connection, ids)
    values: dict[tuple[Any, ...], dict[int, list[tuple[str, float]]]] = defaultdict(lambda: defaultdict(list))
    for member in series.members:
        for key in member.ids:
            for layer in layers[key]:
                name = literal(layer["name"] or f"layer {layer['layer']}")
                for quantity in QUANTITIES:
                    value = layer[quantity.metric]
                    if value is not None and math.isfinite(value) and (value > 0 or not quantity.log):
                        place = (quantity.metric, member.row["split"], layer["layer"], layer["stage"], name)
                        values[place][member.row["step"]].append((key, float(value)))
    rows = []
    order = [quantity.metric for quantity in QUANTITIES]
    places = sorted(values, key=lambda each: (order.index(each[0]), each[1] != Split.TRAIN, each[2]))
    for metric, split, layer, stage, name in places:
        steps = values[metric, split, layer, stage, name]
        for step in sorted(steps):
            keys, numbers = zip(*steps[step], strict=True)
            where = {"what": metric, "series": series.label, "split": split, "layer": layer, "stage": stage}
            mean = float(np.mean(numbers))
            spread = {"step": step, "mean": mean, "low": min(numbers), "high": max(numbers)}
            rows.append({**where, "symbol": name, "runs": len(keys), "run_ids": list(keys), **spread})
    return rows


def course_of_history(query: Query, series: Series) -> tuple[list[str], list[Row]]:
    """DNC1 and rank as they were measured on the way; effective ranks where spectra were kept."""
    found = stack_history(query.connection, series.ids)
    rows: list[Row] = []
    if not found.ids:
        return [], rows
    for stage in shown_stages(series.row["L"]):
        at = stages(series.row["L"]).index(stage)
        place: Row = {"series": series.label, "split": None, "layer": stage.layer, "stage": stage.stage}
        place |= {"symbol": features_symbol(stage), "runs": len(found.ids), "run_ids": found.ids}
        rows += curve_rows({"what": "dnc1", **place}, found.steps, *geometric_range(found.dnc1[..., at]))
        rows += curve_rows({"what": "rank", **place}, found.steps, *band_of(found.rank[..., at]))
        if found.spectra is not None:
            ranks = band_of(effective_rank(found.spectra[:, :, at]))
            rows += curve_rows({"what": "effective_rank", **place}, found.steps, *ranks)
    return found.ids, rows
