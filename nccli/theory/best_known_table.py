"""What searches have found: a table that comes with the package, made by examples/best_known.sh."""

import csv
import math
from functools import lru_cache
from pathlib import Path

from nccli.catalogue.options import ObjectiveName
from nccli.theory.problem import Problem

TABLE = Path(__file__).with_name("best_known.csv")

_HYPERGRAPH, _SHAKEN, _STORED = "hypergraph ", ", shaken", "run "


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, str], ...]:
    """Rows of the table: problem, loss, ratios, rank, structure, certificate, and how it was found."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def tabled(problem: Problem) -> dict[str, str] | None:
    """The row of a problem of one λ, n λ_{H_1} being that too; None where the table has none, as of cross-entropy."""
    decays = {*problem.lambda_w, problem.collapsed_lambda_h1}
    rows = (row for row in _rows(problem) if decays == {float(row["wd"])})
    return next(rows, None)


def nearest_recipe(problem: Problem) -> str | None:
    """How the best point known was found at the nearest λ of the table, where its closed form is none of the families'.

    None where the table has no such problem, or where a construction of `nccli.theory.families` is the best.
    """
    decay = sum(map(math.log, (*problem.lambda_w, problem.collapsed_lambda_h1))) / (problem.L + 1)
    rows = sorted(_rows(problem), key=lambda row: abs(math.log(float(row["wd"])) - decay))
    recipe = rows[0]["found_by"] if rows else ""
    is_closed = not recipe.startswith((_HYPERGRAPH, "descent")) and _SHAKEN not in recipe
    return None if is_closed or recipe.startswith(_STORED) else recipe


def known_hypergraphs(problem: Problem) -> tuple[str, ...]:
    """The hypergraphs that searches of so many classes and layers began with, as `parse_hypergraph` reads them."""
    beginnings = (row["found_by"].split(_SHAKEN)[0] for row in _rows(problem))
    graphs = (each.removeprefix(_HYPERGRAPH) for each in beginnings if each.startswith(_HYPERGRAPH))
    return tuple(dict.fromkeys(graphs))


def _rows(problem: Problem) -> list[dict[str, str]]:
    """Of the same sizes; the table is of the squared error and ReLU."""
    if problem.linear or problem.objective != ObjectiveName.MSE:
        return []
    return [row for row in _table() if (row["K"], row["L"]) == (str(problem.K), str(problem.L))]
