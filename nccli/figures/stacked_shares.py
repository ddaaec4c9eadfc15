"""Shares that add up to one, stacked as bars over the values of a setting, a panel a series."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patheffects import AbstractPathEffect, withStroke

from nccli.figures.figure import Row
from nccli.figures.layouts import Layout
from nccli.figures.style_sheet import FILLS, OUTLINE
from nccli.figures.text import width_of

_WIDTH = 0.78
"""Of a bar, where the next one is 1 away. A taste."""

_LEAST, _A_BAR = 1.8, 0.155
"""Inches of a panel: one in a column of print, three in a page; and of a bar with what is between two, over twice the
cap of an interval. A taste."""

_STRIPES = "//////"
"""Hatch of the part of a share that has not settled."""

_TICK_TEXT, _TICK_GAP, _BESIDE = 8.0, 0.08, 0.55
"""Points of the text at ticks, as in the style sheet; inches between two, and beside a panel: taste."""

_BAR: dict[str, Any] = {
    "color": "black",
    "marker": "o",
    "markersize": 2.5,
    "linestyle": "",
    "elinewidth": 0.9,
    "capsize": 1.6,
}
"""An interval, and what it is around. A taste."""

_HALO: list[AbstractPathEffect] = [withStroke(linewidth=2.2, foreground="white")]
"""White around the interval: it is seen on every area."""


def stack(ax: Axes, places: Mapping[Any, int], rows: Sequence[Row], order: Sequence[str], lying: bool = False) -> None:
    """Draw the shares of a panel, each with its unsettled part on top of the settled one, and their intervals.

    Args:
        ax: the panel.
        places: of the values along the axis.
        rows: with `place`, `category`, `share`, `unsettled` (number of runs), `runs`, and `low` and `high` or None.
        order: categories from bottom to top, one for each of `FILLS`.
        lying: whether the bars lie; those have no intervals.
    """
    bottoms = dict.fromkeys(places, 0.0)
    for category, look in zip(order, FILLS, strict=True):
        for value, x in places.items():
            own = [row for row in rows if row["category"] == category and row["place"] == value]
            moving = sum(row["unsettled"] / row["runs"] for row in own)
            for share, stripes in ((sum(row["share"] for row in own) - moving, False), (moving, True)):
                if share > 0:
                    _area(ax, x, bottoms[value], share, look, stripes, lying)
                bottoms[value] += max(share, 0.0)
    for row in rows:
        if row["low"] is not None:
            _interval(ax, places[row["place"]], row)


def name_areas(ax: Axes, names: Mapping[str, str], stripes: str, interval: str = "") -> None:
    """Put what is drawn into the legend, from bottom to top.

    Args:
        ax: a panel.
        names: of categories in the order of `FILLS`; "" for those that are not drawn.
        stripes: name of what is hatched; "" for nothing.
        interval: name of intervals; "" for none.
    """
    for name, look in zip(names.values(), FILLS, strict=True):
        if name:
            fill = {"facecolor": look["facecolor"], "hatch": look["hatch"], **OUTLINE}
            ax.fill_between([], [], label=name, **fill)
    if stripes:
        ax.fill_between([], [], label=stripes, facecolor="0.85", hatch=_STRIPES, **OUTLINE)
    if interval:
        ax.errorbar([], [], yerr=[], label=interval, **_BAR)


def panel_least(values: Sequence[float]) -> float:
    """Inches of the narrowest panel in which the intervals of so many bars stand apart."""
    return max(_LEAST, _BESIDE + _A_BAR * len(values))


def bars_axis(ax: Axes, values: Sequence[float], label: str, plan: Layout) -> None:
    """A bar a value, side by side in increasing order; ticks at as many of them as fit."""
    inch = (plan.width / plan.columns - _BESIDE) / len(values)
    texts = [f"{value:.3g}" for value in values]
    texts = texts if len(set(texts)) == len(values) else [f"{value:g}" for value in values]
    widest = max(width_of(text, _TICK_TEXT) for text in texts) + _TICK_GAP
    step = 1 + int(widest / inch)
    ax.set_xticks(range(0, len(values), step), texts[::step])
    ax.set_xlim(-0.6, len(values) - 0.4)
    ax.set_xlabel(label)
    ax.grid(visible=False, axis="x")
    ax.set_axisbelow(True)


def _area(ax: Axes, x: float, bottom: float, share: float, look: Mapping[str, Any], stripes: bool, lying: bool) -> None:
    hatch, bar = look["hatch"] if not stripes else _STRIPES, ax.barh if lying else ax.bar
    bar(x, share, _WIDTH, bottom, facecolor=look["facecolor"], **OUTLINE)
    if hatch:  # a hatch has the colour of its edge
        bar(x, share, _WIDTH, bottom, facecolor="none", edgecolor=look["ink"], linewidth=0, hatch=hatch)


def _interval(ax: Axes, x: float, row: Row) -> None:
    ends = [[row["share"] - row["low"]], [row["high"] - row["share"]]]
    drawn = ax.errorbar([x], [row["share"]], yerr=ends, zorder=4, clip_on=False, **_BAR)
    for part in drawn.get_children():
        part.set_path_effects(_HALO)
