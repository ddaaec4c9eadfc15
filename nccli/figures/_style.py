"""The style sheet: sizes, colours, fonts. Every figure takes its looks from here, and only from here."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import cycle, islice
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from nccli.errors import InputError

WIDTHS = {"neurips": 5.5, "icml": 3.25}
"""Inches: the text width of NeurIPS, one column of ICML."""

_NARROWEST, _WIDEST = 1.5, 60.0
_PANEL = 1.6
_FEW_COLUMNS = 3
_GREY = "0.35"
_LEGEND_TEXT, _SMALL_TITLE = 8.0, 8.0
_LINE, _SMALL_LINE = 0.15, 0.125
_PAD = 3.0
_HANDLE = 0.56
_APART, _MOST_APART, _PART, _MARKER = 2.5, 16.0, 0.4, 3.0
"""Points between two series, and between the first and the last, also as a part of what lies between values."""

_MARGIN, _MOST_MARGIN, _BESIDE = 0.05, 0.15, 1.1
"""Empty part at each end of a horizontal axis, and at most, and what stands beside a panel, in inches."""

_TICK_TEXT, _TICK_GAP, _LONG_TICK = 8.0, 0.15, 1e6

# Okabe and Ito's palette, its yellow last: it is faint on paper. Cycles of different length keep pairs apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)))

_SETTINGS: dict[Any, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "axes.grid": True,
    "grid.color": "0.92",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "errorbar.capsize": 2,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "nccli",
    "axes.unicode_minus": True,
}


@contextmanager
def style() -> Iterator[None]:
    """The style sheet on top of matplotlib's defaults, whatever the user's matplotlibrc says; drawing needs it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def parse_width(text: str) -> float:
    """Width of a figure in inches, from a name in `WIDTHS` or a number.

    Raises:
        InputError: neither, or a width that no page has.
    """
    if text in WIDTHS:
        return WIDTHS[text]
    try:
        inches = float(text)
    except ValueError as error:
        raise InputError(f"--width '{text}': must be {', '.join(WIDTHS)} or a number of inches") from error
    if not _NARROWEST <= inches <= _WIDEST:
        raise InputError(f"--width {text}: must be between {_NARROWEST:g} and {_WIDEST:g} inches")
    return inches


@dataclass(frozen=True)
class Layout:
    """Panels in rows.

    Attributes:
        count: number of panels.
        columns: panels a row.
        width, height: of all rows with titles and legend, in inches.
    """

    count: int
    columns: int
    width: float
    height: float

    @property
    def rows(self) -> int:
        """Number of rows."""
        return -(-self.count // self.columns)


def layout(
    count: int,
    width: float,
    columns: int | None = None,
    aspect: float = 0.62,
    least: float = _PANEL,
    around: float = 0.5,
    titles: Sequence[str] = (),
    named: Sequence[str] = (),
) -> Layout:
    """Panels in rows that fit the width, as high as their titles and the legend need.

    Args:
        count: number of panels.
        width: of the figure, in inches.
        columns: panels a row where there is room for them, else few of them one below the other, and of many as many
            as there is room for; as evenly as rows allow by default.
        aspect: height over width of a panel.
        least: width of a panel, in inches.
        around: height for the small print and the first line of the legend, in inches.
        titles: one for each panel, as `panel_title` sets them; or for so many panels as `row_title` does.
        named: labels of the legend.
    """
    room = max(1, int(width / least))
    if columns is None:
        in_row = -(-count // -(-count // room))
    else:
        in_row = columns if columns <= room else 1 if columns <= _FEW_COLUMNS else room
    rows = -(-count // in_row)
    height = rows * min(aspect * width / in_row + 0.4, 2.4) + around
    if len(titles) == count:
        lines = [_lines(wrapped(title, _title_room(width, in_row), _SMALL_TITLE)) for title in titles]
        height += _LINE * sum(max(lines[start : start + in_row]) - 1 for start in range(0, count, in_row))
    else:
        height += _LINE * sum(_lines(wrapped(title, _title_room(width, 1), _SMALL_TITLE)) for title in titles)
    _, legend_lines = _legend_shape(named, width)
    return Layout(count, in_row, width, height + _LINE * max(0, legend_lines - 1))


def panel_title(ax: Axes, text: str, plan: Layout) -> None:
    """Settings above a panel, in as many lines as its width asks for."""
    ax.set_title(typeset(wrapped(text, _title_room(plan.width, plan.columns), _SMALL_TITLE)), fontsize=_SMALL_TITLE)


def row_title(axes: Sequence[Axes], text: str, plan: Layout) -> None:
    """Settings above a row of panels, over the width of the figure, and above the panels' own titles if any.

    Args:
        axes: the panels of the row, with their titles.
        text: "" for none.
        plan: of the panels.
    """
    if not text:
        return
    lines = wrapped(text, _title_room(plan.width, 1), _SMALL_TITLE)
    own = any(ax.get_title() for ax in axes)
    for ax in axes:  # the titles keep the height free
        ax.set_title("\n".join([" "] * _lines(lines) + [ax.get_title()] * own), pad=_PAD)
    shown = axes[0].annotate(
        typeset(lines),
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(0, _PAD + 2 + 13 * own),
        textcoords="offset points",
        fontsize=_SMALL_TITLE,
        annotation_clip=False,
    )
    shown.set_in_layout(False)  # it is wider than its panel


def wrapped(text: str, inches: float, size: float) -> str:
    """Text with line breaks at its spaces, so that it is no wider; a longer word stands out."""
    lines: list[str] = []
    for word in text.split(", "):
        longer = f"{lines[-1]}, {word}" if lines else word
        if lines and width_of(f"{longer},", size) > inches:
            lines[-1] += ","
            lines.append(word)
        else:
            lines[-1:] = [longer]
    return "\n".join(part for line in lines for part in _broken(line, inches, size))


def _broken(line: str, inches: float, size: float) -> list[str]:
    """A line without commas to break at, broken at its spaces."""
    parts: list[str] = []
    for word in line.split(" "):
        if parts and width_of(f"{parts[-1]} {word}", size) <= inches:
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


@lru_cache(maxsize=4096)
def width_of(text: str, size: float) -> float:
    """Inches that a line of text takes at a size in points."""
    shown = typeset(text)
    measure, font = TextToPath().get_text_width_height_descent, FontProperties(family="STIXGeneral", size=size)
    plain = shown.replace(r"\$", "")
    width, _, _ = measure(shown if "$" in plain else shown.replace(r"\$", "$"), font, "$" in plain)
    return float(width) / 72


def _title_room(width: float, columns: int) -> float:
    return width / columns - (0.45 if columns == 1 else 0.35)


def _lines(text: str) -> int:
    return text.count("\n") + 1


def panels(container: FigureBase, plan: Layout) -> list[Axes]:
    """The panels of a layout, in reading order, in a figure or a part of one."""
    axes = [ax for row in container.subplots(plan.rows, plan.columns, squeeze=False) for ax in row]
    for ax in axes[plan.count :]:
        ax.set_visible(False)
    return axes[: plan.count]


def page(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def looks(count: int) -> list[dict[str, Any]]:
    """Colour, marker and dashes of so many series; no two differ by colour alone."""
    return [
        {"color": colour, "marker": marker, "linestyle": dashes}
        for colour, marker, dashes in islice(zip(cycle(_COLOURS), cycle(_MARKERS), cycle(_DASHES)), count)
    ]


def line_only(look: dict[str, Any]) -> dict[str, Any]:
    """The look without its marker, for curves of many points."""
    return {**look, "marker": ""}


def reference(ax: Axes, y: float, label: str, first: bool = True, side: int = 0) -> None:
    """A horizontal line of theory, named at its right end; the `first` is dashed, its companion dotted.

    Args:
        ax: the panel.
        y: height of the line.
        label: its name.
        first: whether it is the first of two.
        side: 1 for a name above the line, −1 below it, where a second line is near.
    """
    ax.axhline(y, **_theory_look(first))
    _name_line(ax, y, label, side)


def reference_curve(ax: Axes, x: Sequence[float], y: Sequence[float], label: str, first: bool = True) -> None:
    """As `reference`, for theory that varies along the axis."""
    ax.plot(x, y, **_theory_look(first))
    _name_line(ax, y[-1], label)


def rank_axis(ax: Axes, ranks: Iterable[float]) -> None:
    """Whole numbers from 0 up, with room for marks at either end."""
    values = list(ranks)
    top = max(values)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    ax.set_ylim(-0.04 * top if min(values) < 0.04 * top else 0.0, 1.08 * top or 1.0)


def _theory_look(first: bool) -> dict[str, Any]:
    dashes = (0, (4, 2)) if first else (0, (1.2, 1.6))
    return {"color": _GREY, "linewidth": 0.8, "linestyle": dashes, "zorder": 1}


def _name_line(ax: Axes, y: float, label: str, side: int = 0) -> None:
    ax.annotate(
        label,
        xy=(1, y),
        xycoords=("axes fraction", "data"),
        xytext=(3, 0),
        textcoords="offset points",
        va={1: "bottom", 0: "center_baseline", -1: "top"}[side],
        fontsize=7.5,
        color=_GREY,
    )


def caption(figure: FigureBase, text: str) -> None:
    """Small print below a figure or a part of one: settings and number of runs."""
    figure.supxlabel(typeset(_small_print(text, _inches(figure))), fontsize=7, color=_GREY, x=0.01, ha="left")


def captioned(plan: Layout, text: str) -> Layout:
    """A layout with as much more height as the small print needs; it has room for two lines."""
    more = _SMALL_LINE * max(0, _lines(_small_print(text, plan.width)) - 2)
    return replace(plan, height=plan.height + more)


def _small_print(text: str, width: float) -> str:
    return "\n".join(textwrap.wrap(text, int(width * 24), break_long_words=False))


def legend(figure: FigureBase, *axes: Axes) -> None:
    """The one legend of a figure or a part of one, above its panels, in as few rows as the width allows."""
    named: dict[str, Any] = {
        label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    if named:
        width = _inches(figure)
        columns, _ = _legend_shape(list(named), width)
        shown = [typeset(wrapped(label, width - _HANDLE, _LEGEND_TEXT)) for label in named]
        figure.legend(list(named.values()), shown, loc="outside upper center", ncols=columns, columnspacing=1.2)


def _legend_shape(labels: Sequence[str], width: float) -> tuple[int, int]:
    """Columns of a legend, and its lines of text."""
    if not labels:
        return 1, 0
    longest = max(width_of(label, _LEGEND_TEXT) for label in labels)
    columns = min(len(labels), max(1, int(width / (_HANDLE + longest))))
    if columns == 1:
        return 1, sum(_lines(wrapped(label, width - _HANDLE, _LEGEND_TEXT)) for label in labels)
    return columns, -(-len(labels) // columns)


def settings_axis(ax: Axes, values: Iterable[float], log: bool, label: str, plan: Layout) -> float:
    """Scale, label and ticks of a horizontal axis of settings: ticks at the commonest values that fit side by side.

    Args:
        ax: the panel.
        values: one for each point.
        log: whether the axis is logarithmic.
        label: of the axis.
        plan: of the panels.

    Returns:
        Points between the two values that are nearest.
    """
    common = Counter(values)
    shown = sorted(common)
    if log:
        ax.set_xscale("log")
    places = np.log(shown) if log else np.asarray(shown, dtype=float)
    inch = (plan.width / plan.columns - _BESIDE) * (1 - 2 * _MARGIN) / (float(np.ptp(places)) or 1.0)
    texts = [_tick(value) for value in shown]
    room = [width_of(text, _TICK_TEXT) / 2 + _TICK_GAP / 2 for text in texts]

    def fits(i: int, j: int) -> bool:
        return abs(float(places[j] - places[i])) * inch >= room[i] + room[j]

    kept: list[int] = []
    ends = (0, len(shown) - 1)
    for i in sorted(range(len(shown)), key=lambda i: (i not in ends, -common[shown[i]], i)):
        if all(fits(i, other) for other in kept):
            kept.append(i)
    kept.sort()
    ax.xaxis.set_major_locator(FixedLocator([shown[i] for i in kept]))
    ax.xaxis.set_major_formatter(FixedFormatter([texts[i] for i in kept]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(label)
    return 72 * inch * float(np.diff(places).min(initial=np.inf))


def _tick(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < _LONG_TICK else f"{value:.3g}"


def dodge(ax: Axes, place: int, count: int, between: float, *drawn: Artist | ErrorbarContainer) -> None:
    """Set a series a little aside, so that equal ones do not hide each other.

    Args:
        ax: the panel.
        place: of the series, from 0 on.
        count: of series.
        between: points between values that are to stay apart.
        drawn: its curves, in the coordinates of data.
    """
    apart = min(_APART, min(_MOST_APART, _PART * between) / max(count - 1, 1))
    figure = ax.get_figure(root=True)
    assert figure is not None
    aside_most = apart * (count - 1) / 2 + _MARKER
    ax.set_xmargin(min(max(_MARGIN, aside_most / 72 / (figure.get_figwidth() - _BESIDE)), _MOST_MARGIN))
    aside = ScaledTranslation(apart * (place - (count - 1) / 2) / 72, 0.0, figure.dpi_scale_trans)
    for each in drawn:
        for artist in each.get_children() if isinstance(each, ErrorbarContainer) else [each]:
            artist.set_transform(ax.transData + aside)


def typeset(text: str) -> str:
    """Words of settings with the subscripts of their symbols set as such: λ_H1 becomes λ with H₁ below it."""
    return text.replace("λ_H1", r"$\lambda_{H_1}$").replace("λ_W", r"$\lambda_W$")


def _inches(container: FigureBase) -> float:
    assert isinstance(container, Figure | SubFigure)
    return float(container.bbox.width / container.dpi)
