"""The one legend of a figure or of a page of several, in as few rows as the width allows."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from nccli.figures.style_sheet import LEGEND_TEXT
from nccli.figures.text import inches_of, lines_of, typeset, width_of, wrapped

_LEGEND_LINE, _LEGEND_GAP = 0.15, 0.06
"""Inches of a line of a legend, as of a title, and of the space between two entries: half a line by default."""

_HANDLE = 0.56
"""Inches of the sample of a curve in a legend with the space around it; bound: 2.4 + 0.8 + 1.2 times 8 pt are 0.49."""


def legend(figure: FigureBase, *axes: Axes) -> None:
    """The one legend of a figure or a part of one, above its panels, in as few rows as the width allows."""
    named: dict[str, Any] = {
        label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    _put_legend(figure, named, "outside upper center")


def legend_of(figure: FigureBase, named: Mapping[str, Any]) -> None:
    """A legend in a part of a page that has nothing else."""
    _put_legend(figure, named, "center")


def _put_legend(figure: FigureBase, named: Mapping[str, Any], where: str) -> None:
    if named:
        width = inches_of(figure)
        columns, _ = _shape(list(named), width)
        shown = [typeset(wrapped(label, width - _HANDLE, LEGEND_TEXT)) for label in named]
        place: Any = where  # matplotlib types its names of places one by one
        figure.legend(list(named.values()), shown, loc=place, ncols=columns, columnspacing=1.2)


def legend_height(labels: Sequence[str], width: float) -> float:
    """Inches of a legend with the room around it."""
    return _shape(labels, width)[1] + (_LEGEND_GAP if labels else 0.0)


def more_than_a_line(labels: Sequence[str], width: float) -> float:
    """Inches of a legend beyond its first line."""
    return max(0.0, _shape(labels, width)[1] - _LEGEND_LINE - _LEGEND_GAP)


def _shape(labels: Sequence[str], width: float) -> tuple[int, float]:
    """Columns of a legend, and its height in inches."""
    if not labels:
        return 1, 0.0
    longest = max(width_of(label, LEGEND_TEXT) for label in labels)
    columns = min(len(labels), max(1, int(width / (_HANDLE + longest))))
    if columns == 1:
        lines = sum(lines_of(wrapped(label, width - _HANDLE, LEGEND_TEXT)) for label in labels)
        return 1, _LEGEND_LINE * lines + _LEGEND_GAP * len(labels)
    return columns, (_LEGEND_LINE + _LEGEND_GAP) * -(-len(labels) // columns)
