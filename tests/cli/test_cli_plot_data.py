"""`plot --data` writes exactly the numbers drawn, with run ids."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Drawn, Made


def text_of(value: Any) -> str:
    """A value as CSV tells it."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def numbers(folder: Path, name: str) -> list[dict[str, Any]]:
    """Rows of the .json of a figure."""
    found: list[dict[str, Any]] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", ["rank-vs-wd", "spectra", "training"])
def test_csv_and_json_have_the_same_numbers_and_the_ids_of_the_runs(drawn: Drawn, grid: Made, name: str) -> None:
    rows = numbers(drawn.folder, name)
    with (drawn.folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    for row, line in zip(rows, lines, strict=True):
        assert {key: text_of(row.get(key)) for key in line} == line
    assert {key for row in rows for key in row["run_ids"]} == set(grid.ids)


def test_the_ranks_drawn_are_those_that_compare_tells(drawn: Drawn, grid: Made, run: Nccli) -> None:
    rows = numbers(drawn.folder, "rank-vs-wd")
    drawn_ranks = {row["run_ids"][0]: row["mean_rank"] for row in rows if row["what"] == "run"}
    told = {record["id"]: record["mean_rank"] for record in run(f"compare --store {grid.path}").records}
    assert drawn_ranks == told


def test_the_closed_forms_drawn_are_those_that_compare_tells(drawn: Drawn, run: Nccli) -> None:
    rows = [row for row in numbers(drawn.folder, "loss-ratio") if row["what"] == "theory"]
    told = run("compare --theory --K 4..9 --L 3,4 --n 2 --wd 2e-3").records
    assert {(r["L"], r["K"], r["ratio"]) for r in rows} == {(t["L"], t["K"], t["ratio"]) for t in told}


def test_stored_runs_of_the_same_problem_are_points_of_the_closed_forms(drawn: Drawn, grid: Made) -> None:
    points = [row for row in numbers(drawn.folder, "loss-ratio") if row["what"] == "run"]
    assert {key for row in points for key in row["run_ids"]} == set(grid.ids[:2])
