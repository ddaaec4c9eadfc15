"""Figures keep to the page, the palette and the promise of identical bytes."""

import struct
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from sqlalchemy import Connection

from nccli.errors import InputError
from nccli.figures import (
    STORE_FIGURES,
    Options,
    PaperFigure,
    Part,
    collect_loss_ratio,
    draw_loss_ratio,
    parse_width,
    render,
    style,
)
from nccli.figures._axes import apart
from nccli.figures._figure import Drawn
from nccli.figures._rank_vs import RankVs, _joined
from nccli.figures._style import looks
from nccli.figures._text import width_of, wrapped
from nccli.store import Selection, parse_where, select_settings
from nccli.theory import Problem

COMPOSED = "composed"
NAMES = (*STORE_FIGURES, "loss-ratio", COMPOSED)
PAPER = PaperFigure(
    COMPOSED,
    "every kind of figure below each other",
    (Part(None, "closed form"), *(Part(figure, figure.name, "kind=dufm", "") for figure in STORE_FIGURES.values())),
)


def drawn_of(name: str, connection: Connection, runs: Selection) -> Any:
    if name == COMPOSED:
        return PAPER.collect(connection, replace(runs, where=parse_where("status=stopped")), Options())[0]
    if name == "loss-ratio":
        problems = [Problem.uniform(K, L, 5e-3) for K in range(4, 30) for L in (3, 4)]
        return collect_loss_ratio(problems, select_settings(connection, runs, ("loss",)))
    return STORE_FIGURES[name].collect(connection, runs, Options())


def figure_of(name: str, drawn: Any, width: float) -> Figure:
    if name == COMPOSED:
        return PAPER.draw(drawn, width)
    return draw_loss_ratio(drawn, width) if name == "loss-ratio" else STORE_FIGURES[name].draw(drawn, width)


@pytest.mark.parametrize("width", [3.25, 5.5, 9.0])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_leaves_the_canvas(name: str, width: float, connection: Connection, trained: Selection) -> None:
    with style():
        figure = figure_of(name, drawn_of(name, connection, trained), width)
        figure.draw_without_rendering()
        box = figure.get_tightbbox()
    assert figure.get_figwidth() == width
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= figure.get_figheight() + 0.01


@pytest.mark.parametrize("name", NAMES)
def test_panels_keep_room_for_their_data(name: str, connection: Connection, trained: Selection) -> None:
    """No panel is squeezed to nothing by legends and labels."""
    with style():
        figure = figure_of(name, drawn_of(name, connection, trained), 5.5)
        figure.draw_without_rendering()
    for ax in figure.axes:
        if ax.get_visible():
            box = ax.get_position()
            least = 0.4 if ax.images else 0.9
            if ax.get_label() != "<colorbar>":
                assert box.width * figure.get_figwidth() > least
                assert box.height * figure.get_figheight() > 0.75 * least


@pytest.mark.parametrize("format", ["pdf", "svg", "png"])
@pytest.mark.parametrize("name", NAMES)
def test_the_same_figure_has_the_same_bytes(
    name: str, format: str, connection: Connection, trained: Selection, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, contents = drawn_of(name, connection, trained), []
    for moment in ("1000000000", "1700000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", moment)
        with style():
            contents.append(render(figure_of(name, drawn, 5.5), format))
    assert contents[0] == contents[1]
    assert len(contents[0]) > 5000


def test_png_is_exactly_as_wide_as_asked(connection: Connection, trained: Selection) -> None:
    with style():
        content = render(figure_of("rank-vs-wd", drawn_of("rank-vs-wd", connection, trained), 5.5), "png")
    assert struct.unpack(">I", content[16:20]) == (1650,)


@pytest.mark.parametrize("name", NAMES)
def test_pdf_fonts_are_truetype_never_type_3(name: str, connection: Connection, trained: Selection) -> None:
    with style():
        content = render(figure_of(name, drawn_of(name, connection, trained), 5.5), "pdf")
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


def test_no_two_series_differ_by_colour_alone() -> None:
    for a, b in combinations(looks(30), 2):
        assert a["marker"] != b["marker"] or a["linestyle"] != b["linestyle"]


def test_the_users_own_matplotlib_settings_do_not_matter(connection: Connection, trained: Selection) -> None:
    drawn = drawn_of("spectra", connection, trained)
    with style():
        plain = render(figure_of("spectra", drawn, 5.5), "svg")
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 20, "axes.facecolor": "red"}), style():
        assert render(figure_of("spectra", drawn, 5.5), "svg") == plain


def test_the_caption_names_the_settings_and_the_number_of_runs(connection: Connection, collapsed: Selection) -> None:
    caption = drawn_of("rank-vs-wd", connection, collapsed).caption
    for part in ("K = 6", "L = 4", "n = 1", "d = 9", "lr = 0.2", "6 runs", "3 a point"):
        assert part in caption


@pytest.mark.parametrize(("text", "inches"), [("neurips", 5.5), ("icml", 3.25), ("7", 7.0)])
def test_widths(text: str, inches: float) -> None:
    assert parse_width(text) == inches


@pytest.mark.parametrize("text", ["wide", "0", "-3", "nan", "1e9", ""])
def test_impossible_widths_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--width"):
        parse_width(text)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(InputError, match="jpg"):
        render(Figure(), "jpg")


def test_the_caption_can_be_dropped(connection: Connection, trained: Selection) -> None:
    drawn = drawn_of("rank-vs-wd", connection, trained)
    with style():
        with_it, without = (STORE_FIGURES["rank-vs-wd"].draw(drawn, 5.5, caption) for caption in (True, False))
    assert with_it.get_supxlabel() != ""
    assert without.get_supxlabel() == ""


def test_text_is_broken_where_it_fits_and_nothing_of_it_is_lost() -> None:
    text = "λ = 0.004, lr = 0.5, steps = 5000, λ_H1 = 0.001, schedule = step:0.1@0.5,0.75 and so on"
    for inches in (0.3, 1.2, 3.0, 30.0):
        lines = wrapped(text, inches, 8).split("\n")
        assert " ".join(lines) == text
        assert all(width_of(line, 8) <= inches or " " not in line for line in lines)
    assert "\n" not in wrapped(text, 30.0, 8)


@pytest.mark.parametrize("name", ["rank-vs-wd", "effective-rank", "spectra", "gram", "training"])
def test_long_names_of_many_settings_leave_the_panels_their_room(
    name: str, connection: Connection, trained: Selection
) -> None:
    figure = STORE_FIGURES[name]
    drawn = figure.collect(connection, trained, Options())
    more = ", lr = 0.5, steps = 5000, schedule = cosine, momentum = 0.9"
    rows = [{**row, "series": row["series"] + more * (row["what"] not in ("dnc", "srg"))} for row in drawn.rows]
    longer = replace(drawn, rows=rows)
    heights = []
    with style():
        for each in (drawn, longer):
            page = figure.draw(each, 3.25)
            page.draw_without_rendering()
            heights.append([ax.get_window_extent().height / page.dpi for ax in page.axes if ax.get_visible()])
    assert all(after >= 0.75 * before for before, after in zip(*heights, strict=True))


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


def test_names_of_lines_make_way_for_each_other() -> None:
    places = [0.1, 0.11, 0.12, 0.9]
    moved = [110 * place + shift for place, shift in zip(places, apart(places), strict=True)]
    assert apart([0.1, 0.9]) == [0.0, 0.0]
    assert all(upper - lower > 8.5 for lower, upper in pairwise(moved))
    assert sum(moved[:3]) == pytest.approx(110 * sum(places[:3]))


@pytest.mark.parametrize("width", [1.8, 5.5])
def test_every_setting_of_a_heat_map_begins_a_row(width: float, connection: Connection, trained: Selection) -> None:
    with style():
        figure = figure_of("gram", drawn_of("gram", connection, trained), width)
        figure.draw_without_rendering()
    maps = [ax for ax in figure.axes if ax.images and ax.get_visible()]
    firsts = [ax.get_position().x0 for ax in maps if ax.get_title().strip() == "$M_{1}$"]
    assert len(firsts) == 4
    assert firsts == pytest.approx([min(ax.get_position().x0 for ax in maps)] * 4, abs=1e-6)


def test_bands_of_ranks_end_inside_the_axis(connection: Connection, trained: Selection) -> None:
    drawn = drawn_of("training", connection, trained)
    drawn = replace(drawn, rows=[{**row, "high": 9.0} if row["what"] == "rank" else row for row in drawn.rows])
    with style():
        figure = figure_of("training", drawn, 5.5)
    assert all(ax.get_ylim()[1] > 9.0 for ax in figure.axes if ax.get_ylabel() == "rank")


@pytest.mark.parametrize(("steps", "scale"), [(8, "linear"), (40, "symlog")])
def test_a_short_training_has_its_steps_along_the_axis(
    steps: int, scale: str, connection: Connection, trained: Selection
) -> None:
    drawn = drawn_of("training", connection, trained)
    drawn = replace(drawn, rows=[row for row in drawn.rows if row["step"] is None or row["step"] <= steps])
    with style():
        figure = figure_of("training", drawn, 5.5)
    assert {ax.get_xscale() for ax in figure.axes} == {scale}


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
    rows = figure._reference_rows(settings)
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
