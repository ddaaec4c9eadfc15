"""The style sheet: sizes, colours, fonts. Every figure takes its looks from here, and only from here."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

FONT = "STIXGeneral"
GREY = "0.35"
LEGEND_TEXT, SMALL_TITLE = 8.0, 8.0
"""Points, as of ticks."""

# Okabe and Ito's palette, its yellow last: it is faint on paper. Cycles of different length keep pairs apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#B8A800")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)))

_SHADES, _LIGHTEST = "viridis", 0.87
"""The map of ordered colours, even in lightness for every kind of sight, and where it ends: beyond, yellow is faint on
paper. A taste."""

_BEFORE: Any = (0, (1.2, 1.2))
_HOLLOW: dict[str, Any] = {"linestyle": _BEFORE, "markerfacecolor": "white"}
_BEHIND = tuple(dashes for dashes in _DASHES if dashes != _BEFORE)
"""Dashes of layers before and behind their activation."""

FILLS: tuple[dict[str, Any], ...] = (
    {"facecolor": "#0072B2", "hatch": "", "ink": "white"},
    {"facecolor": "#D55E00", "hatch": "", "ink": "white"},
    {"facecolor": "#CC79A7", "hatch": "....", "ink": "black"},
    {"facecolor": "#56B4E9", "hatch": "", "ink": "black"},
    {"facecolor": "#F0E442", "hatch": "", "ink": "black"},
    {"facecolor": "0.1", "hatch": "", "ink": "white"},
)
"""Of areas that lie on each other in this order. Their lightness (0.34, 0.47, 0.59 and dots, 0.61, 0.86, 0.1) tells any
two of them apart without colour. `ink` is what is drawn on them."""

OUTLINE: dict[str, Any] = {"edgecolor": "0.2", "linewidth": 0.4}
"""Of such areas."""

PAGE_LABEL, PAGE_TICK = 8.0, 7.0
"""Points of labels and ticks of panels that share a page."""

_SETTINGS: dict[Any, Any] = {
    "hatch.linewidth": 0.6,
    "font.family": FONT,
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


def looks(count: int, ordered: bool = False) -> list[dict[str, Any]]:
    """Colour, marker and dashes of so many series; no two differ by colour alone.

    Args:
        count: of series.
        ordered: whether they go from less to more, as layers and weight decays do: colours from dark to light.
    """
    colours = shades(count) if ordered else cycle(_COLOURS)
    return [
        {"color": colour, "marker": marker, "linestyle": dashes}
        for colour, marker, dashes in islice(zip(colours, cycle(_MARKERS), cycle(_DASHES)), count)
    ]


def layer_look(layer: int, L: int, before: bool = False) -> dict[str, Any]:
    """Colour, marker and dashes of a layer, from dark at the first to light at the last; `before` its activation hollow
    and dotted. No two layers differ by colour alone.
    """
    colour, marker = shades(L)[layer - 1], _MARKERS[(layer - 1) % len(_MARKERS)]
    if before:
        return {"color": colour, "marker": marker, **_HOLLOW}
    return {"color": colour, "marker": marker, "linestyle": _BEHIND[(layer - 1) % len(_BEHIND)]}


def before_look() -> dict[str, Any]:
    """What all layers before their activation have in common, whichever they are."""
    return {"color": GREY, "marker": _MARKERS[0], **_HOLLOW}


def shades(count: int) -> list[str]:
    """Colours of so many things in their order, from dark to light."""
    places = np.linspace(0.0, _LIGHTEST, count) if count > 1 else [0.0]
    return [to_hex(mpl.colormaps[_SHADES](place)) for place in places]


def line_only(look: dict[str, Any]) -> dict[str, Any]:
    """The look without its marker, for curves of many points."""
    return {**look, "marker": ""}
