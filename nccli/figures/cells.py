"""A quantity over two settings as cells, each as large as its stretch of the two axes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.colors import Colormap

from nccli.figures.style_sheet import OUTLINE

Place = tuple[float, float]
"""Of a cell: its values along the two axes."""

_EMPTY: dict[str, Any] = {"facecolor": "white", "edgecolor": "0.8", "hatch": "//////"}
"""Where no run is."""

_FEW_DECADES = 4.0
"""Ratio of two values from which on they are taken for log-spaced; taste."""


@dataclass(frozen=True)
class CellAxis:
    """The values of a setting along an axis.

    Attributes:
        values: in increasing order.
        log: whether the axis is logarithmic.
    """

    values: tuple[float, ...]
    log: bool

    @classmethod
    def of(cls, values: Iterable[float]) -> "CellAxis":
        """Logarithmic where that spaces the values more evenly; two values where they are far apart."""
        shown = tuple(sorted(set(values)))
        if shown[0] <= 0 or len(shown) < 2:
            return cls(shown, False)
        if len(shown) == 2:
            return cls(shown, shown[1] >= _FEW_DECADES * shown[0])
        return cls(shown, _unevenness(np.log(shown)) < _unevenness(np.asarray(shown)))

    @property
    def edges(self) -> Float[np.ndarray, " edges"]:
        """Between cells, half-way, on the scale of the axis; the outer ones are as far out as the next is in."""
        places = np.log(self.values) if self.log else np.asarray(self.values, dtype=float)
        gaps = np.diff(places) if len(places) > 1 else np.ones(1)
        edges = np.concatenate(
            [places[:1] - gaps[0] / 2, places[:-1] + np.diff(places) / 2, places[-1:] + gaps[-1] / 2]
        )
        return np.asarray(np.exp(edges) if self.log else edges)

    def stretch(self, value: float, part: float) -> tuple[float, float]:
        """The middle part of a value's cell."""
        place = self.values.index(value)
        low, high = (np.log(self.edges) if self.log else self.edges)[place : place + 2]
        ends = (low + high) / 2 + np.array([-0.5, 0.5]) * part * (high - low)
        return tuple(np.exp(ends) if self.log else ends)


def _unevenness(places: Float[np.ndarray, " values"]) -> float:
    gaps = np.diff(places)
    return float(gaps.std() / gaps.mean())


@dataclass(frozen=True)
class Cells:
    """Those of a panel.

    Attributes:
        x, y: the axes.
    """

    x: CellAxis
    y: CellAxis

    def prepare(self, ax: Axes) -> None:
        """Limits, and what is seen where no run is; after the scales of the axes."""
        ax.set_xlim(self.x.edges[0], self.x.edges[-1])
        ax.set_ylim(self.y.edges[0], self.y.edges[-1])
        ax.patch.set(**_EMPTY)
        ax.grid(False)

    def colour(
        self, ax: Axes, values: Mapping[Place, float], colours: Colormap | str, low: float, high: float
    ) -> QuadMesh:
        """Cells that have a value, by x and y, in its colour."""
        table = np.full((len(self.y.values), len(self.x.values)), np.nan)
        for (x, y), value in values.items():
            table[self.y.values.index(y), self.x.values.index(x)] = value
        shown = np.ma.masked_invalid(table)
        look: dict[str, Any] = {"cmap": colours, "vmin": low, "vmax": high, "edgecolors": "face", "linewidth": 0.2}
        return ax.pcolormesh(self.x.edges, self.y.edges, shown, **look)

    def mark(self, ax: Axes, parts: Mapping[Place, float], look: Mapping[str, Any]) -> None:
        """Fill the middle of cells, of each the part of its area that is given."""
        corners = []
        for place, part in parts.items():
            (left, right), (bottom, top) = (
                axis.stretch(value, part**0.5) for axis, value in zip((self.x, self.y), place, strict=True)
            )
            corners.append([(left, bottom), (right, bottom), (right, top), (left, top)])
        ax.add_collection(PolyCollection(corners, **look), autolim=False)


WHOLE: dict[str, Any] = {"facecolor": "white", "edgecolor": "0.8", "linewidth": 0.3}
"""Of a cell that has runs, behind a mark that fills a part of it."""


def name_empty(ax: Axes, name: str) -> None:
    """Put cells without runs into the legend."""
    ax.fill_between([], [], label=name, **_EMPTY, linewidth=OUTLINE["linewidth"])
