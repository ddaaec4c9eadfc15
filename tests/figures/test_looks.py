"""Figures keep to the page, the palette and the promise of identical bytes."""

import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import combinations, product

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from sqlalchemy import Connection

from nccli.errors import InputError
from nccli.figures import Options, parse_width, render, style
from nccli.figures.style_sheet import looks
from nccli.figures.text import width_of, wrapped
from nccli.store import Selection, Store
from tests.figures.drawing import COMPOSED, NAMES, STORE_FIGURES, drawn_of, figure_of
from tests.long_cases import every

SLOW = ("spectra", "training", "class-means", "collapse-over-steps")
"""Figures of many curves or panels, drawn twice among the long tests."""

Page = Callable[[str, float], Figure]
Content = Callable[[str, str], bytes]


@pytest.fixture(scope="module")
def page(store: Store) -> Page:
    """A figure of the trained runs as it is laid out at a width, in inches; made once."""

    @cache
    def laid_out(name: str, width: float) -> Figure:
        with store.read() as connection, style():
            figure = figure_of(name, drawn_of(name, connection, Selection(trained=True)), width)
            figure.draw_without_rendering()
        return figure

    return laid_out


@pytest.fixture(scope="module")
def content(store: Store) -> Content:
    """A figure of the trained runs as a file of a format; made once, in September 2001."""

    @cache
    def rendered(name: str, format: str) -> bytes:
        with store.read() as connection, style(), pytest.MonkeyPatch.context() as patched:
            patched.setenv("SOURCE_DATE_EPOCH", "1000000000")
            return render(figure_of(name, drawn_of(name, connection, Selection(trained=True)), 5.5), format)

    return rendered


@pytest.mark.parametrize(
    ("name", "width"),
    [
        *product(NAMES, [3.25]),
        *(
            pytest.param(name, 9.0, marks=pytest.mark.long if name in SLOW else ())
            for name in NAMES
            if name != COMPOSED
        ),
    ],
)
def test_nothing_leaves_the_canvas(name: str, width: float, page: Page) -> None:
    figure = page(name, width)
    with style():
        box = figure.get_tightbbox()
    assert figure.get_figwidth() == width
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= figure.get_figheight() + 0.01


@pytest.mark.parametrize("name", NAMES)
def test_panels_keep_room_for_their_data(name: str, page: Page) -> None:
    """No panel is squeezed to nothing by legends and labels, on a narrow page either."""
    figure = page(name, 3.25)
    for ax in figure.axes:
        if ax.get_visible():
            box = ax.get_position()
            least = 0.4 if ax.images else 0.9
            if ax.get_label() != "<colorbar>":
                assert box.width * figure.get_figwidth() > least
                assert box.height * figure.get_figheight() > 0.75 * least


@pytest.mark.parametrize(
    ("name", "format"),
    [
        *(
            pytest.param(name, "pdf", marks=pytest.mark.long if name in SLOW else ())
            for name in NAMES
            if name != COMPOSED
        ),
        *(("rank-vs-wd", "svg"), ("rank-vs-wd", "png")),
        *(pytest.param("gram", format, marks=pytest.mark.long) for format in ("svg", "png")),
    ],
)
def test_the_same_figure_has_the_same_bytes(
    name: str,
    format: str,
    content: Content,
    connection: Connection,
    trained: Selection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = content(name, format)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    with style():
        again = render(figure_of(name, drawn_of(name, connection, trained), 5.5), format)
    assert again == first
    assert len(first) > 5000


def test_png_is_exactly_as_wide_as_asked(connection: Connection, trained: Selection) -> None:
    with style():
        content = render(figure_of("rank-vs-wd", drawn_of("rank-vs-wd", connection, trained), 5.5), "png")
    assert struct.unpack(">I", content[16:20]) == (1650,)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name in SLOW else ()) for name in NAMES])
def test_pdf_fonts_are_truetype_never_type_3(name: str, content: Content) -> None:
    assert b"/FontFile2" in content(name, "pdf")
    assert b"/Type3" not in content(name, "pdf")


def test_no_two_series_differ_by_colour_alone() -> None:
    for a, b in combinations(looks(30), 2):
        assert a["marker"] != b["marker"] or a["linestyle"] != b["linestyle"]


def test_the_users_own_matplotlib_settings_do_not_matter(connection: Connection, trained: Selection) -> None:
    drawn = drawn_of("rank-vs-wd", connection, trained)
    with style():
        plain = render(figure_of("rank-vs-wd", drawn, 5.5), "svg")
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 20, "axes.facecolor": "red"}), style():
        assert render(figure_of("rank-vs-wd", drawn, 5.5), "svg") == plain


def test_the_caption_names_the_settings_and_the_number_of_runs(connection: Connection, collapsed: Selection) -> None:
    caption = drawn_of("rank-vs-wd", connection, collapsed).caption
    for part in ("K = 6", "L = 4", "n = 1", "d = 9", "lr = 0.2", "6 runs", "3 a point"):
        assert part in caption


@pytest.mark.parametrize(
    ("text", "inches"),
    [
        ("neurips", 5.5),
        ("icml", 3.25),
        ("JMLR", 6.0),
        ("7", 7.0),
        ("8cm", 8 / 2.54),
        ("397.48 pt", 5.5),
        ("55mm", 5.5 / 2.54),
    ],
)
def test_widths(text: str, inches: float) -> None:
    assert parse_width(text) == pytest.approx(inches, rel=1e-4)


@pytest.mark.parametrize("name", ["rank-vs-wd", "spectra"])
def test_axes_of_less_than_an_inch_are_refused_in_a_line(name: str, connection: Connection, trained: Selection) -> None:
    with style(), pytest.raises(InputError, match=r"^--width 1\.5: axes would be 0\.\d\d in wide[^\n]*$"):
        render(figure_of(name, drawn_of(name, connection, trained), 1.5), "svg")


@pytest.mark.parametrize("text", ["wide", "0", "-3", "nan", "1e9", "", "8 miles", "cm", "1cm", "infcm"])
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


@pytest.mark.parametrize("name", every(2, ["rank-vs-wd", "effective-rank", "training", "spectra", "gram"]))
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


@pytest.mark.parametrize("width", [1.8, 5.5])
def test_every_setting_of_a_heat_map_begins_a_row(width: float, connection: Connection, trained: Selection) -> None:
    with style():
        figure = figure_of("gram", drawn_of("gram", connection, trained), width)
        figure.draw_without_rendering()
    maps = [ax for ax in figure.axes if ax.images and ax.get_visible()]
    named = [ax.get_position().x0 for ax in maps if ax.get_ylabel()]
    assert len(named) == 4
    assert named == pytest.approx([min(ax.get_position().x0 for ax in maps)] * 4, abs=1e-6)
    for ax in maps:
        cells, box = ax.images[0].get_array().shape, ax.get_window_extent()
        assert box.height / cells[0] == pytest.approx(box.width / cells[1], rel=1e-6)
    assert [ax.get_title() for ax in maps].count("$M_{1}$") == (1 if width == 5.5 else 4)
