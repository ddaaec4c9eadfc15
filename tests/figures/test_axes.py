"""Axes: ticks, ranges, lines of theory and curves side by side."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from sqlalchemy import Connection

from nccli.errors import InputError
from nccli.figures import Options, render, style
from nccli.figures.axes import apart
from nccli.figures.figure import Drawn
from nccli.figures.losses_over_steps import window_of
from nccli.figures.plots.rank_vs import RankVs, _joined
from nccli.figures.series import Series
from nccli.figures.style_sheet import looks
from nccli.store import Selection, select_settings
from tests.figures.drawing import STORE_FIGURES, drawn_of, figure_of


def many_curves(drawn: Drawn, values: list[float], more: str = "") -> Drawn:
    """A figure against λ with sixteen series of so many values."""
    mean = drawn.of("mean")[0]
    means = [{**mean, "series": f"d = {i}{more}", "wd": value} for i in range(16) for value in values]
    return Drawn([*means, *drawn.of("dnc"), *drawn.of("srg")], drawn.caption)


@pytest.mark.parametrize("values", [[1e-3 * 1.1**i for i in range(20)], [1e-3, 1.01e-3, 1.02e-3], [1e-3]])
@pytest.mark.parametrize("width", [3.25, 5.5])
def test_ticks_of_settings_stand_apart_and_no_point_is_cut(
    width: float, values: list[float], connection: Connection, trained: Selection
) -> None:
    drawn = many_curves(drawn_of("rank-vs-wd", connection, trained), values)
    with style():
        figure = figure_of("rank-vs-wd", drawn, width)
        figure.draw_without_rendering()
        (ax,) = figure.axes
        boxes = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
        inner = ax.get_window_extent()
        marks = {look["marker"] for look in looks(16)}
        curves = [line for line in ax.lines if line.get_marker() in marks]
        points = [line.get_transform().transform(line.get_xydata()) for line in curves]
    assert len(boxes) >= min(len(values), 2)
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert len(points) >= 16
    assert all(inner.x0 < x < inner.x1 for each in points for x, _ in each)


def test_a_page_without_room_for_the_panels_is_refused(connection: Connection, trained: Selection) -> None:
    drawn = many_curves(drawn_of("rank-vs-wd", connection, trained), [1e-3, 1e-2], more=", init scale = 0.123456")
    with style(), pytest.raises(InputError, match=r"--width 1\.5: the panels of this figure need more"):
        render(figure_of("rank-vs-wd", drawn, 1.5), "png")


def test_points_of_different_settings_keep_their_places(connection: Connection, trained: Selection) -> None:
    """No series is set aside so far that one value looks like the next."""
    values = [1e-3, 1.1e-3, 1e-1]
    drawn = many_curves(drawn_of("rank-vs-wd", connection, trained), values)
    with style():
        figure = figure_of("rank-vs-wd", drawn, 3.25)
        figure.draw_without_rendering()
        (ax,) = figure.axes
        marks = {look["marker"] for look in looks(16)}
        curves = [line for line in ax.lines if line.get_marker() in marks and np.size(line.get_xdata())]
        near, far = ax.transData.transform([(value, 0.0) for value in values[:2]])[:, 0]
        places = [line.get_transform().transform(line.get_xydata())[:2, 0] for line in curves]
    middle = (near + far) / 2
    assert all(first < middle < second for first, second in places)


def test_equal_series_do_not_hide_each_other(connection: Connection, trained: Selection) -> None:
    figure = STORE_FIGURES["rank-vs-wd"]
    drawn = figure.collect(connection, trained, Options())
    first, second = (label for label in drawn.values("series") if label.startswith("n ="))
    same = [{**row, "series": second} for row in drawn.rows if row["series"] == first]
    equal = replace(drawn, rows=[*(row for row in drawn.rows if row["series"] != second), *same])
    with style():
        page = figure.draw(equal, 5.5)
        page.draw_without_rendering()
        (ax,) = page.axes
        places = [
            line.get_transform().transform(line.get_xydata())[0]
            for line in ax.lines
            if line.get_label() in (first, second) or line.get_marker() in ("o", "s")
        ]
    assert len({round(float(x), 3) for x, _ in places}) == 2


def test_names_of_lines_make_way_for_each_other() -> None:
    places = [0.1, 0.11, 0.12, 0.9]
    moved = [110 * place + shift for place, shift in zip(places, apart(places), strict=True)]
    assert apart([0.1, 0.9]) == [0.0, 0.0]
    assert all(upper - lower > 8.5 for lower, upper in pairwise(moved))
    assert sum(moved[:3]) == pytest.approx(110 * sum(places[:3]))


def test_bands_of_ranks_end_inside_the_axis(connection: Connection, trained: Selection) -> None:
    drawn = drawn_of("training", connection, trained)
    drawn = replace(drawn, rows=[{**row, "high": 9.0} if row["what"] == "rank" else row for row in drawn.rows])
    with style():
        figure = figure_of("training", drawn, 5.5)
    assert all(ax.get_ylim()[1] > 9.0 for ax in figure.axes if ax.get_ylabel() == "rank")


@pytest.mark.parametrize(("steps", "scales"), [(8, {"linear"}), (40, {"symlog"})])
def test_a_short_training_has_its_steps_along_the_axis(
    steps: int, scales: set[str], connection: Connection, trained: Selection
) -> None:
    drawn = drawn_of("training", connection, trained)
    drawn = replace(drawn, rows=[row for row in drawn.rows if row["step"] is None or row["step"] <= steps])
    with style():
        figure = figure_of("training", drawn, 5.5)
    assert {ax.get_xscale() for ax in figure.axes} == scales


def test_losses_are_seen_from_where_they_come_near_what_is_known_and_reached() -> None:
    falling = [100.0 / (1 + step) + 0.9 for step in range(1, 1001)]
    common = {"series": "", "symbol": "loss", "run_ids": ["a"]}
    rows = [{"what": "run", **common, "step": i, "mean": y, "low": y, "high": y} for i, y in enumerate(falling)]
    levels = [{"what": "reference", "series": "", "symbol": "DNC", "run_ids": [], "mean": 1.0, "low": 1.0, "high": 1.0}]
    seen = window_of(Drawn([*rows, *levels], ""), "")
    assert (seen.last, seen.over_dnc) == (999, True)
    assert 200 < seen.first < 400
    assert 0.85 < seen.bottom < 0.9 + 0.1
    assert 1.0 < seen.top < 1.3


def test_lines_of_theory_along_the_depth_are_one_a_number_of_classes(
    connection: Connection, trained: Selection
) -> None:
    (any_run, *_) = select_settings(connection, trained, ("mean_hidden_rank",))
    settings = [
        replace(any_run, row={**any_run.row, "K": K, "L": L, "config": {"wd_h1": 5e-3, "wd_layers": [5e-3] * L}})
        for K, L in ((10, 3), (10, 4), (15, 4), (15, 7))
    ]
    figure = STORE_FIGURES["rank-vs-L"]
    assert isinstance(figure, RankVs)
    rows = figure.beside([Series("", {}, tuple(settings))])
    assert {(row["series"], row["mean_rank"]) for row in rows} == {
        ("DNC, K = 10", 10.0),
        ("DNC, K = 15", 15.0),
        ("SRG, K = 10", 5.0),
        ("SRG, K = 15", 6.0),
    }


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["DNC"], "DNC"),
        (["DNC", "SRG"], "DNC, SRG"),
        (["DNC, K = 4", "SRG, K = 4"], "DNC, SRG, K = 4"),
        (["DNC, K = 6", "SRG, K = 15"], "DNC, K = 6; SRG, K = 15"),
        (["DNC, K = 4", "SRG, K = 4", "SRG, K = 5"], "DNC, K = 4; SRG, K = 4, 5"),
    ],
)
def test_lines_at_one_height_are_named_together(names: list[str], label: str) -> None:
    assert _joined(names) == label
