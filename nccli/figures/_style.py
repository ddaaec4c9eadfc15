"""The style sheet: sizes, colours, fonts. Every figure takes its looks from here, and only from here."""

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase, SubFigure

from nccli.errors import InputError

WIDTHS = {"neurips": 5.5, "icml": 3.25}
"""Inches: the text width of NeurIPS, one column of ICML."""

_NARROWEST, _WIDEST = 1.5, 60.0
_PANEL = 1.75
_GREY = "0.35"

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
        height: of all rows with legend, in inches.
    """

    count: int
    columns: int
    height: float

    @property
    def rows(self) -> int:
        """Number of rows."""
        return -(-self.count // self.columns)


def layout(count: int, width: float, columns: int | None = None, aspect: float = 0.62, least: float = _PANEL) -> Layout:
    """Panels in rows that fit the width.

    Args:
        count: number of panels.
        width: of the figure, in inches.
        columns: panels a row where there is room for them; as evenly as rows allow by default.
        aspect: height over width of a panel.
        least: width of a panel, in inches.
    """
    room = max(1, int(width / least))
    in_row = min(columns, room) if columns is not None else -(-count // -(-count // room))
    rows = -(-count // in_row)
    return Layout(count, in_row, rows * min(aspect * width / in_row + 0.4, 2.4) + 0.5)


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
    ax.axhline(y, color=_GREY, linewidth=0.8, linestyle=(0, (4, 2)) if first else (0, (1.2, 1.6)), zorder=1)
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
    width = _inches(figure)
    figure.supxlabel(typeset(_wrap(text, int(width * 24))), fontsize=7, color=_GREY, x=0.01, ha="left")


def legend(figure: FigureBase, *axes: Axes) -> None:
    """The one legend of a figure or a part of one, above its panels, in as few rows as the width allows."""
    named: dict[str, Any] = {
        label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    if named:
        longest = max(len(re.sub(r"\\[a-z]+|[${}_]", "", label)) for label in named)
        columns = min(len(named), max(1, int(_inches(figure) / (0.55 + 0.065 * longest))))
        handles, shown = list(named.values()), [typeset(label) for label in named]
        figure.legend(handles, shown, loc="outside upper center", ncols=columns, columnspacing=1.2)


def typeset(text: str) -> str:
    """Words of settings with the subscripts of their symbols set as such: λ_H1 becomes λ with H₁ below it."""
    return text.replace("λ_H1", r"$\lambda_{H_1}$").replace("λ_W", r"$\lambda_W$")


def _inches(container: FigureBase) -> float:
    assert isinstance(container, Figure | SubFigure)
    return float(container.bbox.width / container.dpi)


def _wrap(text: str, characters: int) -> str:
    return "\n".join(textwrap.wrap(text, characters, break_long_words=False))
