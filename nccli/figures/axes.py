"""Axes: ticks and ranges, lines of theory, curves side by side."""

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from nccli.figures.layouts import Layout
from nccli.figures.style_sheet import GREY

_APART, _MOST_APART, _PART, _MARKER = 2.5, 16.0, 0.4, 3.0
"""Points between two series, and between the first and the last, also as a part of what lies between values; and half
a mark. Taste: equal curves are both seen; bound: a part below 0.5, no point looks like one of the next value."""

MARGIN, _MOST_MARGIN, BESIDE = 0.05, 0.15, 1.1
"""Empty part at each end of a horizontal axis, and at most, both taste; and a bound of the inches that ticks, label
and names of lines take beside a panel."""

_PANEL_HEIGHT, _NAME_HEIGHT, _ROUNDS = 110.0, 9.0, 20
"""Points: about those of a panel, and of a name at 7.5 pt; and how often names make way for each other. Taste."""

_SYMBOL = 0.22
"""Inches that the symbol of a layer takes at the size of ticks, with room beside it; taste."""

_TOGETHER = 0.05
"""Part of an axis below which two crosses are one to the eye: a name is so high. A taste."""

HALF_RANK = 0.5
"""Room beside the least and the largest rank; a taste: less than the next rank."""

_FEW_DECADES = 300.0
"""Ratio of ends of a logarithmic axis below which ticks between the decades have room; taste."""


def reference(
    ax: Axes, y: float, label: str, first: bool = True, side: int = 0, shift: float = 0.0, colour: str = GREY
) -> None:
    """A horizontal line of theory, named at its right end; the `first` is dashed, its companion dotted.

    Args:
        ax: the panel.
        y: height of the line.
        label: its name.
        first: whether it is the first of two.
        side: 1 for a name above the line, −1 below it, where a second line is near.
        shift: points that the name stands above the height of the line.
        colour: of the line and its name: that of the series that it is of.
    """
    ax.axhline(y, **{**_theory_look(first), "color": colour})
    _name_line(ax, y, label, side, shift, colour)


def inner_reference(ax: Axes, y: float, label: str, first: bool, side: int, shift: float = 0.0) -> None:
    """As `reference`, named above or below its left end inside the panel, which keeps its width."""
    ax.axhline(y, **_theory_look(first))
    text: dict[str, Any] = {"xytext": (2, shift + side), "textcoords": "offset points", "fontsize": 7.0}
    text["va"] = "bottom" if side > 0 else "top"
    ax.annotate(label, xy=(0, y), xycoords=("axes fraction", "data"), color=GREY, **text)


def apart(places: Sequence[float]) -> list[float]:
    """Points by which names at such parts of the height of a panel, in increasing order, have to move to be legible."""
    wanted = [place * _PANEL_HEIGHT for place in places]
    moved = list(wanted)
    for _ in range(_ROUNDS):
        for i in range(1, len(moved)):
            lacking = max(0.0, _NAME_HEIGHT - (moved[i] - moved[i - 1]))
            moved[i - 1] -= lacking / 2
            moved[i] += lacking / 2
    return [new - old for new, old in zip(moved, wanted, strict=True)]


def reference_curve(
    ax: Axes, x: Sequence[float], y: Sequence[float], label: str, first: bool = True, colour: str = GREY
) -> None:
    """As `reference`, for theory that varies along the axis."""
    ax.plot(x, y, **{**_theory_look(first), "color": colour})
    _name_line(ax, y[-1], label, colour=colour)


def reference_marks(ax: Axes, places: Sequence[tuple[float, float, str]]) -> None:
    """Crosses where theory is a point, named beside them on the side that has more room.

    Args:
        ax: the panel, which holds all else already.
        places: x, y and name; what lies together is named together.
    """
    for x, y, _ in places:
        ax.plot(x, y, marker="x", markersize=6, color=GREY, linestyle="", zorder=3)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    together: list[tuple[float, float, list[str]]] = []
    for x, y, label in places:
        near = [
            names
            for x_0, y_0, names in together
            if abs(x - x_0) < _TOGETHER * (right - left) and abs(y - y_0) < _TOGETHER * (top - bottom)
        ]
        if not near:
            together.append((x, y, [label]))
        elif label not in near[0]:
            near[0].append(label)
    for x, y, names in together:
        inwards = 1 if x < (left + right) / 2 else -1
        ax.annotate(
            ", ".join(names),
            xy=(x, y),
            xytext=(6 * inwards, 0),
            textcoords="offset points",
            ha="left" if inwards > 0 else "right",
            va="center_baseline",
            fontsize=7.5,
            color=GREY,
        )


def _theory_look(first: bool) -> dict[str, Any]:
    dashes = (0, (4, 2)) if first else (0, (1.2, 1.6))
    return {"color": GREY, "linewidth": 0.8, "linestyle": dashes, "zorder": 1}


def _name_line(ax: Axes, y: float, label: str, side: int = 0, shift: float = 0.0, colour: str = GREY) -> None:
    ax.annotate(
        label,
        xy=(1, y),
        xycoords=("axes fraction", "data"),
        xytext=(3, shift),
        textcoords="offset points",
        va={1: "bottom", 0: "center_baseline", -1: "top"}[side],
        fontsize=7.5,
        color=colour,
    )


def decades_axis(ax: Axes) -> None:
    """A logarithmic vertical axis, with ticks between the decades where these are few."""
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    if high < _FEW_DECADES * low:
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def rank_axis(ax: Axes, ranks: Iterable[float]) -> None:
    """Whole numbers from just below the least to just above the largest."""
    values = list(ranks)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=7, min_n_ticks=1))
    ax.set_ylim(min(values) - HALF_RANK, max(values) + HALF_RANK)


_UPRIGHT = 0.15
"""Inches of a line of text that stands upright, with room."""


def layers_axis(ax: Axes, symbols: Sequence[str], plan: Layout) -> None:
    """Symbols of layers at 0, 1, 2, …, every second or third where they are many; names of modules stand upright."""
    named = any(not symbol.startswith("$") for symbol in symbols)
    step = 1 + int((_UPRIGHT if named else _SYMBOL) * len(symbols) / plan.width)
    ax.set_xticks(range(0, len(symbols), step), symbols[::step], rotation=90 if named else 0)


def dodge(ax: Axes, place: int, count: int, between: float, *drawn: Artist | ErrorbarContainer) -> None:
    """Set a series a little aside, so that equal ones do not hide each other.

    Args:
        ax: the panel.
        place: of the series, from 0 on.
        count: of series.
        between: points between values that are to stay apart.
        drawn: its curves, in the coordinates of data.
    """
    step = min(_APART, min(_MOST_APART, _PART * between) / max(count - 1, 1))
    figure = ax.get_figure(root=True)
    assert figure is not None
    aside_most = step * (count - 1) / 2 + _MARKER
    ax.set_xmargin(min(max(MARGIN, aside_most / 72 / (figure.get_figwidth() - BESIDE)), _MOST_MARGIN))
    aside = ScaledTranslation(step * (place - (count - 1) / 2) / 72, 0.0, figure.dpi_scale_trans)
    for each in drawn:
        for artist in each.get_children() if isinstance(each, ErrorbarContainer) else [each]:
            if isinstance(artist, PathCollection):
                artist.set_offset_transform(ax.transData + aside)
            else:
                artist.set_transform(ax.transData + aside)
