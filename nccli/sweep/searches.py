"""What a search has found, as the store keeps it."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nccli.catalogue.runs import Finish, Kind, Status
from nccli.search import SearchConfig
from nccli.search.unit_sets import unit_sets
from nccli.store import FinishedRun, Store, best_runs, searched_losses
from nccli.sweep.constructions import point_layers
from nccli.sweep.ends import End, ends_of
from nccli.sweep.kept import KEPT_BYTES
from nccli.sweep.run_columns import problem_columns, provenance
from nccli.theory import explicit_loss

if TYPE_CHECKING:
    from nccli.search.point import SearchPoint

_KNOWN = 3
"""A taste: stored points that a search begins with."""


def about_search(config: SearchConfig) -> dict[str, Any]:
    """Columns of table `run` that are known before a search begins, but for its width."""
    return {
        **problem_columns(config.problem),
        **{"kind": config.kind, "seed": config.seed, "activation": "relu", "dtype": "float64", "steps": 0},
    }


def search_run(config: SearchConfig, point: "SearchPoint", seconds: float, interrupted: bool) -> FinishedRun:
    """The best point of a search.

    Args:
        config: of the search.
        point: the point.
        seconds: that the search took.
        interrupted: whether it was cut off; the next one begins with this point.
    """
    point = point.in_least_width() if config.width is None else point.in_least_width().of_width(config.width)
    status = Status.CONVERGED if point.certified else Status.STOPPED
    fit, reg = explicit_loss(config.problem, point.weights, np.repeat(point.means, config.n, axis=1))
    row: dict[str, Any] = {
        **about_search(config),
        **provenance(seconds, "cpu"),
        "status": (Status.INTERRUPTED if interrupted else status).value,
        "width": len(point.means),
        **{"loss": fit + reg, "fit": fit, "reg": reg, "grad_norm": float("nan")},
        **{"found_by": point.found_by, "parent": point.parent},
        "hypergraph": unit_sets(point.means, point.weights),
    }
    if point.refined is not None:
        row |= {name: getattr(point.refined, name) for name in ("residual", "radius", "kinks")}
        row |= {"finish": (Finish.CERTIFIED if point.certified else Finish.REFINED).value}
        row |= {"grad_norm": point.refined.norm, **({"settled": 1} if point.certified else {})}
    kept = point.weights if sum(W.nbytes for W in point.weights) <= KEPT_BYTES else ()
    return FinishedRun(row, config.as_dict(), point_layers(point.means, point.weights), weights=kept)


def _how(end: End) -> str:
    """How a stored point was found, as a recipe where there is one."""
    if end.row["kind"] == Kind.HYPERGRAPH:
        return f"hypergraph {end.row['config']['graph']}"
    return str(end.row["found_by"] or f"run {end.id}")


def known_points(store: Store, config: SearchConfig) -> list[dict[str, str]]:
    """The best stored points of a problem, and the best of the nearest λ that was searched.

    Returns:
        Those whose weights are kept, JSON-ready.
    """
    problem = config.problem
    with store.read() as connection:
        ids = best_runs(connection, problem, _KNOWN)
        searched = searched_losses(connection)
    sizes = (problem.K, problem.L, problem.n)
    others = [each for each in searched if (each.K, each.L, each.n) == sizes and each != problem]
    nearest = sorted(others, key=lambda each: abs(math.log(each.lambda_w[0] / problem.lambda_w[0])))[:1]
    ids += [searched[each][1] for each in nearest]
    ends = ends_of(store, ids)
    return [
        {"parent": key, "point": end.point.as_text(), "found_by": _how(end)}
        for key, end in ends.items()
        if end.point is not None
    ]
