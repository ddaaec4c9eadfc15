"""Runs against theory and each other: ratios, ranks and structures by layer."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, case, func, null, or_, select

from nccli.catalogue.columns import COMPARE, names
from nccli.catalogue.options import ActivationName, ObjectiveName
from nccli.catalogue.runs import ENDED_WELL, Kind
from nccli.catalogue.settings import OTHER_PROBLEM
from nccli.catalogue.stages import Stage, deciding_layers
from nccli.store.query.breaks import comparable
from nccli.store.query.columns import as_decimal, column_expression, config_text
from nccli.store.query.problem import problem_of
from nccli.store.query.record import columns_with_ratios, data_columns, loss_ratio
from nccli.store.query.select import Row, select_layers, select_ranks
from nccli.store.runs.layer_summary import mean_rank
from nccli.store.schema.tables import RUN
from nccli.theory import best_known, is_linear

BELOW = 1 - 1e-9
"""A bound: of DNC's loss, below which a loss is lower by more than rounding; certified DNC points are at it."""

DNC1_HOLDS = 1e-2
"""DNC1 is said to hold where it is at most this in every layer and stage: a taste, as the paper gives no number."""


_SIZES = ("K", "L", "n", "class_counts")


def comparison_records(connection: Connection, runs: Sequence[Row], rank_rtol: float) -> list[dict[str, Any]]:
    """Each run against the DNC and SRG loss of its problem, and the best stored point of it.

    Returns:
        For each run its settings and losses; `ranks` and `structures` of M_1..M_L, `rank_last_pre` and
        `structure_last_pre` of Mt_L, and `structure_distances` of M_1..M_L; `mean_rank` over the hidden layers 2..L−1
        and whether their ranks agree; their common `structure` (L = 2: that of M_2) and the largest of its distances;
        `max_dnc1` over layers and stages and whether DNC1 holds; whether the loss is below DNC's; `best_loss` and
        `best_id` of all finished runs and constructions of the same problem and objective, with ReLU, or linear as the
        run under cross-entropy; `loss_best_known`, the least of
        that and of what theory and the table of searches know.
    """
    ids = [run["id"] for run in runs]
    ranks, layers, best = (
        select_ranks(connection, ids, rank_rtol),
        select_layers(connection, ids),
        _best(connection, runs),
    )
    records = []
    for run in runs:
        by_stage = ranks[run["id"]]
        by_place = {Stage(layer["layer"], layer["stage"]): layer for layer in layers[run["id"]]}
        structures = {stage: layer["structure"] for stage, layer in by_place.items()}
        distances = {stage: layer["structure_distance"] for stage, layer in by_place.items()}
        posts = [Stage(i, "post") for i in range(1, run["L"] + 1)]
        record = columns_with_ratios(run, names(COMPARE))
        record["below_dnc"] = None if run["loss_dnc"] is None else run["loss"] < BELOW * run["loss_dnc"]
        best_loss, best_id = best.get(_problem(run), (None, None))
        record |= {"best_loss": best_loss, "best_id": best_id, "ratio_best": loss_ratio(run["loss"], best_loss)}
        problem = problem_of(run)
        losses = [best_loss, None if problem is None else best_known(problem).loss]
        known = min((loss for loss in losses if loss is not None), default=None)
        record |= {"loss_best_known": known, "ratio_best_known": loss_ratio(run["loss"], known)}
        record["ranks"] = [by_stage[stage] for stage in posts if stage in by_stage]
        record["rank_last_pre"] = by_stage.get(Stage(run["L"], "pre"))
        record["mean_rank"], record["ranks_agree"] = mean_rank(by_stage, run["L"])
        record["structures"] = [structures[stage] for stage in posts if stage in structures]
        record["structure_last_pre"] = structures.get(Stage(run["L"], "pre"))
        record["structure_distances"] = [distances[stage] for stage in posts if stage in distances]
        record["structure"] = run["structure"]
        record["structure_distance"] = _largest(distances, deciding_layers(run["L"]))
        record["max_dnc1"] = run["max_dnc1"]
        record["dnc1_holds"] = None if run["max_dnc1"] is None else run["max_dnc1"] <= DNC1_HOLDS
        records.append(record | data_columns(run))
    return records


def _largest(distances: Mapping[Stage, float | None], stages: Sequence[Stage]) -> float | None:
    """Of the distances of these layers."""
    return max((distance for stage in stages if (distance := distances.get(stage)) is not None), default=None)


def _best(connection: Connection, runs: Sequence[Row]) -> dict[tuple[Any, ...] | None, tuple[float, str]]:
    """Least loss, and whose it is, of all points with ReLU that the store has of the problems of the runs."""
    if not runs:
        return {}
    unequal = case((RUN.c.wd.is_(None), config_text("wd_layers")), else_=null()).label("wd_layers")
    decays = [column_expression(name).label(name) for name in ("wd_h1", "wd")]
    objective = func.coalesce(RUN.c.objective, ObjectiveName.MSE.value).label("objective")
    columns = [*(RUN.c[name] for name in _SIZES), *decays, objective, RUN.c.activation, unequal]
    place = func.row_number().over(partition_by=columns, order_by=(RUN.c.loss, RUN.c.id)).label("place")
    candidates = (
        RUN.c.status.in_(ENDED_WELL),
        or_(
            RUN.c.activation == ActivationName.RELU.value,
            and_(RUN.c.activation == ActivationName.LINEAR.value, objective != ObjectiveName.MSE.value),
        ),
        RUN.c.kind != Kind.E2E.value,
        RUN.c.loss.is_not(None),
        *(config_text(name).is_(None) for name in OTHER_PROBLEM),
        comparable(connection),
    )
    same = [RUN.c[name].in_({run[name] for run in runs}) for name in ("K", "L", "n")]
    ordered = select(*columns, RUN.c.loss, RUN.c.id, place).where(*candidates, *same).subquery()
    found: dict[tuple[Any, ...] | None, tuple[float, str]] = {}
    for *sizes, aim, activation, layers, loss, key, _ in connection.execute(
        select(ordered).where(ordered.c.place == 1)
    ):
        problem = (*sizes, aim, is_linear(aim, activation), *(map(as_decimal, json.loads(layers)) if layers else ()))
        found[problem] = min((loss, key), found.get(problem, (loss, key)))
    return found


def _problem(run: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """What makes two runs of one problem; None for a network trained end to end or by others."""
    if run["kind"] == Kind.E2E.value or "wd_layers" not in run["config"]:
        return None
    if any(name in run["config"] for name in OTHER_PROBLEM):
        return None
    unequal = () if run["wd"] is not None else tuple(map(as_decimal, run["config"]["wd_layers"]))
    decays = (None if run[name] is None else as_decimal(run[name]) for name in ("wd_h1", "wd"))
    aim = run["objective"] or ObjectiveName.MSE.value
    return (*(run[name] for name in _SIZES), *decays, aim, is_linear(aim, run["activation"]), *unequal)
