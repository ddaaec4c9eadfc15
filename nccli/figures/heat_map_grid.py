"""Heat maps in rows of square cells: a row a setting with its name at the left, what a column is above the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import FigureBase
from matplotlib.image import AxesImage

from nccli.figures.figure import Drawn, Row
from nccli.figures.layouts import Layout
from nccli.figures.structure_names import below
from nccli.figures.text import lines_of, typeset, width_of, wrapped
from nccli.metrics import ZERO_FLOOR

_MAP = LinearSegmentedColormap.from_list("nccli", ["#D55E00", "#FFFFFF", "#0072B2"])
_LEAST, _MOST = 0.38, 1.3
"""Inches of a panel; taste: ten classes are still to be told apart, and more adds nothing."""

_TALLEST = 2.0
"""Height of a panel over the room for its width; taste: where it has more rows, its cells are smaller."""

_BAR, _GAP, _TITLE, _LINE, _BETWEEN = 0.6, 0.09, 0.22, 0.11, 0.1
"""Inches: of the colour bar with its label, between panels, of a title, of a line of small text, between rows."""

_NAME, _NAME_TEXT = 1.05, 7.0
"""Inches and points of the names of settings at the left, at most; taste."""

_CAPTION, _BAR_HEIGHT = 0.3, 1.4
"""Inches of the small print, and at most of the colour bar; taste."""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """A panel.

    Attributes:
        values: over the largest of them in size.
        symbol: of the layer.
        structure: that it has.
    """

    values: Float[np.ndarray, "rows columns"]
    symbol: str
    structure: str | None


@dataclass(frozen=True, eq=False)
class HeatMapGrid:
    """All panels of a figure.

    Attributes:
        maps: by setting, in order.
        down: what the rows of a map are, such as "class".
        width: of the figure, in inches.
    """

    maps: Mapping[str, Sequence[HeatMap]]
    down: str
    width: float

    @classmethod
    def of(cls, drawn: Drawn, what: str, down: str, width: float) -> "HeatMapGrid":
        """Of rows of such a kind."""
        entries: dict[str, dict[str, list[Row]]] = {}
        for row in drawn.of(what):
            entries.setdefault(row["series"], {}).setdefault(row["symbol"], []).append(row)
        maps = {label: [heat_map(rows) for rows in found.values()] for label, found in entries.items()}
        return cls(maps, down, width)

    @property
    def columns(self) -> int:
        """Panels of the setting that has the most."""
        return max(map(len, self.maps.values()))

    @cached_property
    def in_row(self) -> int:
        """Panels side by side."""
        return min(self.columns, max(1, int(self._room / (_LEAST + _GAP))))

    @property
    def lines(self) -> int:
        """Rows of panels of a setting."""
        return -(-self.columns // self.in_row)

    @property
    def _room(self) -> float:
        return self.width - _BAR - self._names_width

    @cached_property
    def names(self) -> list[str]:
        """Of the settings, in lines."""
        return [wrapped(label, min(_NAME, self.width / 4), _NAME_TEXT) for label in self.maps]

    @property
    def _names_width(self) -> float:
        lines = [line for name in self.names for line in name.split("\n")]
        return _LINE + max(width_of(line, _NAME_TEXT) for line in lines)

    @cached_property
    def side(self) -> float:
        """Inches of a panel's width."""
        return min(self._room / self.in_row - _GAP, _MOST)

    def titled(self, place: int) -> bool:
        """Whether the panels of a setting have titles: where those above have not the same."""
        symbols = [[each.symbol for each in maps] for maps in self.maps.values()]
        return self.lines > 1 or place == 0 or symbols[place] != symbols[place - 1]

    @cached_property
    def heights(self) -> list[float]:
        """Inches of the panels of every row."""
        found = []
        for name, maps in zip(self.names, self.maps.values(), strict=True):
            for start in range(0, self.lines * self.in_row, self.in_row):
                shown = maps[start : start + self.in_row] or maps[:1]
                tall = max(min(each.values.shape[0] / each.values.shape[1], _TALLEST) for each in shown)
                found.append(max(tall * self.side, _LINE * lines_of(name) if start == 0 else 0.0))
        return found

    @cached_property
    def _around(self) -> float:
        """Inches of titles, of words below panels, and between."""
        words = [max(lines_of(below(each.structure, self.side)[0]) for each in maps) for maps in self.maps.values()]
        titles = sum(map(self.titled, range(len(self.maps))))
        return self.lines * sum(_LINE * lines + _BETWEEN for lines in words) + _TITLE * self.lines * titles

    def layout(self) -> Layout:
        """As high as square cells make it."""
        count = self.lines * self.in_row * len(self.maps)
        return Layout(count, self.in_row, self.width, sum(self.heights) + self._around + _CAPTION)

    def draw(self, container: FigureBase) -> None:
        """All panels, and one colour bar."""
        rows = self.lines * len(self.maps)
        axes = container.subplots(rows, self.in_row, squeeze=False, height_ratios=self.heights)
        image = None
        for place, (name, maps) in enumerate(zip(self.names, self.maps.values(), strict=True)):
            own = axes[place * self.lines : (place + 1) * self.lines].ravel()
            for ax, each in zip(own, maps, strict=False):
                image = draw_map(ax, each)
                text, size = below(each.structure, self.side)
                ax.set_xlabel(text, fontsize=size, labelpad=2, linespacing=1.0)
                if self.titled(place):
                    ax.set_title(each.symbol, pad=3)
            for ax in own[len(maps) :]:
                ax.set_visible(False)
            if name:
                level = {"rotation": 0, "ha": "right", "va": "center", "ma": "left"}
                own[0].set_ylabel(typeset(name), fontsize=_NAME_TEXT, labelpad=4, **level)
            else:
                own[0].set_ylabel(self.down, fontsize=6.5, labelpad=2)
        if image is not None:
            shown = [ax for ax in axes.ravel() if ax.get_visible()]
            shrink = min(1.0, _BAR_HEIGHT / (sum(self.heights) + self._around))
            bar = container.colorbar(
                image,
                ax=shown,
                fraction=0.025,
                pad=0.01,
                aspect=30 * shrink,
                shrink=shrink,
                panchor=False,
                ticks=[-1, 0, 1],
            )
            bar.ax.tick_params(labelsize=6.5)
            bar.set_label("entry / largest", fontsize=6.5, labelpad=1)
            bar.outline.set_linewidth(0.4)


def draw_map(ax: Axes, shown: HeatMap) -> AxesImage:
    """A panel of square cells, in a frame with nothing along it."""
    image = ax.imshow(shown.values, cmap=_MAP, vmin=-1, vmax=1, aspect="equal", interpolation="nearest")
    _bare(ax)
    return image


def heat_map(entries: Sequence[Row]) -> HeatMap:
    """Of rows with `row`, `column` and `value`, over the largest value in size."""
    shape = (1 + max(row["row"] for row in entries), 1 + max(row["column"] for row in entries))
    values = np.zeros(shape)
    for row in entries:
        values[row["row"], row["column"]] = row["value"]
    largest = float(np.abs(values).max())
    return HeatMap(values / (largest if largest > ZERO_FLOOR else 1.0), entries[0]["symbol"], entries[0]["structure"])


def _bare(ax: Axes) -> None:
    """A frame, and nothing along it."""
    ax.grid(False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_anchor("N")
    for spine in ax.spines.values():
        spine.set_visible(True)
