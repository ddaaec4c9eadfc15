"""`nccli runs`: what the store has."""

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.sql import query


def test_runs_are_listed_newest_first_and_at_most_as_many_as_asked_for(grid: Made, run: Nccli) -> None:
    newest = [row["id"] for row in query(grid.path, "SELECT id FROM run ORDER BY created DESC, id")]
    limits = ("", "--limit 3", "--limit 0", "--limit 3 --quiet")
    whole, three, every, quiet = run.all(
        f"runs list {limit} --format ids --store {grid.path}" for limit in limits
    ).values()
    assert whole.ids == every.ids == newest
    assert three.ids == quiet.ids == newest[:3]
    assert three.err == "note: there are more than the 3 newest runs: --limit 0 lists all\n"
    assert whole.err == every.err == quiet.err == ""


@pytest.mark.parametrize(
    ("where", "sql"),
    [
        ("kind=dufm and seed=1", "kind = 'dufm' AND seed = 1"),
        ("kind!='dufm'", "kind <> 'dufm'"),
        ("K = 4 AND loss < 0.3", "K = 4 AND loss < 0.3"),
    ],
)
def test_where_finds_the_runs_that_sql_would_find(grid: Made, run: Nccli, where: str, sql: str) -> None:
    expected = {row["id"] for row in query(grid.path, f"SELECT id FROM run WHERE {sql}")}
    assert expected
    assert set(run(f'runs list --where "{where}" --format ids --store {grid.path}').ids) == expected


def test_showing_needs_to_be_told_which_runs(run: Nccli) -> None:
    assert run("runs show", code=2).err.startswith("nccli: runs show: name a run")


def test_a_run_in_full_is_a_row_and_a_table_of_its_layers(grid: Made, run: Nccli) -> None:
    text = run(f"runs show {grid.ids[0]} --format table --store {grid.path}").out
    run_table, layer_table = text.split("\n\n")[:2]
    assert grid.ids[0] in run_table
    assert len(layer_table.splitlines()) == 2 + 5
    assert "singular values" in layer_table
