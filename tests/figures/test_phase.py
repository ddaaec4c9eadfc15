"""Phase diagrams: a cell is all runs of two settings, and none is seen where there is none."""

from statistics import fmean

import numpy as np
import pytest
from matplotlib.collections import Collection, PolyCollection, QuadMesh
from sqlalchemy import Connection

from nccli.errors import InputError
from nccli.figures import Drawn, Options, style
from nccli.figures.cells import CellAxis
from nccli.figures.plots.phase import Phase
from nccli.store import Selection, parse_where
from tests.figures.conftest import rows_of


def cells_in(shown: Collection) -> int:
    """How many cells are coloured, or squares drawn."""
    return np.ma.count(np.ma.asarray(shown.get_array())) if isinstance(shown, QuadMesh) else len(shown.get_paths())


def phase(color: str) -> Phase:
    return Phase().adapted(Options(x="n", y="wd", color=color))


def test_every_run_is_in_the_cell_of_its_settings_and_ranks_are_means_there(
    connection: Connection, trained: Selection
) -> None:
    runs = {row["id"]: row for row in rows_of(connection, trained)}
    drawn = phase("rank").collect(connection, trained, Options(all_runs=True))
    assert sorted(key for row in drawn.rows for key in row["run_ids"]) == sorted(runs)
    for row in drawn.rows:
        own = [runs[key] for key in row["run_ids"]]
        assert {(run["n"], run["wd"]) for run in own} == {(row["n"], row["wd"])}
        assert row["mean_rank"] == pytest.approx(fmean(run["mean_hidden_rank"] for run in own), rel=1e-14)


def test_shares_and_the_commonest_outcome_are_those_of_all_runs_of_a_cell(
    connection: Connection, trained: Selection
) -> None:
    outcome_of = {row["id"]: row["outcome"] for row in rows_of(connection, trained)}
    for color in ("dnc", "srg", "outcome"):
        for row in phase(color).collect(connection, trained, Options()).rows:
            own = [outcome_of[key] for key in row["run_ids"]]
            shown = row.get("outcome", color)
            assert row["share"] == own.count(shown) / len(own)
            assert color != "outcome" or own.count(shown) == max(map(own.count, own))


def test_what_is_left_out_of_means_is_counted_and_a_cell_of_nothing_else_has_no_rank() -> None:
    values = {"mean_hidden_rank": np.array([3.0, 2.0, 1.0]), "outcome": np.array(["dnc", "zero", "lost_classes"])}
    content = phase("rank").content
    cell = content.cell(values, all_runs=False)
    assert (cell["mean_rank"], cell["runs"], cell["left_out"]) == (3.0, 1, 2)
    assert content.cell(values, all_runs=True)["mean_rank"] == 2.0
    lost = content.cell({name: each[1:] for name, each in values.items()}, all_runs=False)
    assert lost["mean_rank"] is None
    assert content.left_out([cell, lost]) == {"zero": 2, "lost_classes": 2}


@pytest.mark.parametrize("color", ["rank", "dnc", "outcome"])
def test_a_cell_without_runs_stays_empty_and_is_named(color: str, connection: Connection, trained: Selection) -> None:
    some = Selection(where=parse_where("not (n=1 and wd>0.01)"), trained=True)
    filled = {}
    for name, selection in (("all", trained), ("some", some)):
        figure = phase(color)
        drawn = figure.collect(connection, selection, Options(all_runs=True))
        with style():
            page = figure.draw(drawn, 5.5)
        (ax, *_) = page.axes
        filled[name] = max(map(cells_in, ax.collections))
        named = [text.get_text() for legend in page.legends for text in legend.get_texts()]
        assert ("no runs" in named) == (name == "some")
    assert filled == {"all": 4, "some": 3}


def test_the_filled_part_of_a_cell_is_the_share_of_its_outcome() -> None:
    row = {"what": "cell", "series": "", "width": 8, "wd": 0.1, "category": "DNC", "outcome": "dnc", "count": 1}
    rows = [
        {**row, "width": d, "share": 0.25, "outcomes": {"dnc": 1}, "runs": 4, "run_ids": ["a"]} for d in (8, 16, 24)
    ]
    with style():
        ax = Phase().adapted(Options(color="outcome")).draw(Drawn(rows, ""), 5.5).axes[0]
    whole, part = [each.get_paths() for each in ax.collections if isinstance(each, PolyCollection)][:2]
    assert len(whole) == len(part) == 3
    for cell, mark in zip(whole, part, strict=True):
        outer, inner = (np.ptp(np.asarray(path.vertices), axis=0) for path in (cell, mark))
        assert inner.prod() / outer.prod() == pytest.approx(0.25)


def test_axes_are_logarithmic_where_values_are_log_spaced() -> None:
    assert CellAxis.of([1, 2, 4, 8]).log
    assert CellAxis.of(np.geomspace(6, 64, 20).round()).log
    assert not CellAxis.of([2, 4, 6, 8]).log
    assert not CellAxis.of([0, 1, 10, 100]).log
    for axis in (CellAxis.of([1, 2, 4, 8]), CellAxis.of([3, 4, 6]), CellAxis.of([5])):
        assert all(
            low < value < high for value, low, high in zip(axis.values, axis.edges, axis.edges[1:], strict=False)
        )


@pytest.mark.parametrize(
    ("options", "said"),
    [(Options(x="seed"), "--x 'seed': must be a setting"), (Options(y="width"), "both axes are width")],
)
def test_axes_are_two_settings_that_are_numbers(options: Options, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Phase().adapted(options)
