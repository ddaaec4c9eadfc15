"""Marks for the rows of a series: curves with their spread, dots of single runs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D

from nccli.figures.figure import Row
from nccli.figures.style_sheet import looks

_LARGEST, _FEW, _FAINT_DOTS = 60.0, 5, 0.4
"""Area in points² of the dot of the most runs, so many runs that have less than it, and what covers of it; tastes."""

Look = dict[str, Any]

FAINT: Look = {"linestyle": "", "markersize": 2.5, "alpha": 0.35, "markeredgewidth": 0}
"""Of single runs behind a curve of the same look; taste."""

OPEN: Look = {"linestyle": "", "markerfacecolor": "none", "markersize": 5, "markeredgewidth": 0.8}
"""Of runs beside theory of the same look; taste."""

FINISHED: Look = {"linestyle": "", "marker": "+", "markersize": 6, "markeredgewidth": 0.9}
"""Of those that were polished or refined; taste."""


def looks_of(names: Sequence[Any], ordered: bool = False) -> Iterator[tuple[Any, Look]]:
    """Each series with its colour, marker and dashes; colours from dark to light where the series are in an order."""
    return zip(names, looks(len(names), ordered), strict=True)


def curve(
    ax: Axes, x: Sequence[float], rows: Sequence[Row], y: str, look: Look, label: str | None = None
) -> ErrorbarContainer:
    """A curve through a value of rows with bars from their `low` to their `high`, else of their `sd` either way."""
    if rows and "low" in rows[0]:
        spread: Any = [[row[y] - row["low"] for row in rows], [row["high"] - row[y] for row in rows]]
    else:
        spread = [row["sd"] or 0.0 for row in rows]
    return ax.errorbar(x, [row[y] for row in rows], yerr=spread, label=label, elinewidth=0.8, **look)


def counted_dots(ax: Axes, x: Sequence[float], y: Sequence[float], look: Look) -> PathCollection:
    """A dot wherever values are, its area as their number."""
    counts = Counter(zip(x, y, strict=True))
    most = max(counts.values(), default=1)
    unit = _LARGEST / max(most, _FEW)
    shown = {"color": look["color"], "marker": "o", "alpha": _FAINT_DOTS, "linewidths": 0}
    places = sorted(counts)
    area = [unit * counts[place] for place in places]
    return ax.scatter([at for at, _ in places], [value for _, value in places], s=area, **shown)


def dots(ax: Axes, x: Sequence[float], y: Sequence[float], look: Look, label: str | None = None) -> list[Line2D]:
    """A mark a value, whatever the dashes of the look."""
    return ax.plot(x, y, label=label, **{**look, "linestyle": ""})
