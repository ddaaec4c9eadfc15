"""Graphs and hypergraphs in the plane: vertices on circles, edges as lines, larger sets as hulls, numbered by class."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Polygon

from nccli.figures.style_sheet import looks
from nccli.theory.hypergraph import Subsets, components

Places = Float[np.ndarray, "vertices 2"]

_SLOT, _BELOW, _SMALLEST = 0.55, 0.55, 0.45
"""Room of a vertex by itself, its distance below the circles, and the least radius of one; the largest is 1. Tastes."""

_RING, _PADDING, _APART = 0.17, 0.2, 0.26
"""Radius of the ring of a class of one vertex, of hulls around theirs, distance of two numbers; tastes."""

_ALONG = (0.5, 0.36, 0.64, 0.28, 0.72)
"""Where on an edge its number may stand; taste."""

_TURNS = 24
"""Corners of a rounded hull around a vertex; taste."""

_DOT, _TEXT, _ALPHA = 3.2, 6.5, 0.13
"""Points of a vertex and of a number; how dense a hull is. Tastes."""


def places_of(subsets: Subsets) -> Places:
    """Each connected part on a circle, in the order in which its edges are shortest; single vertices in a row below."""
    parts = [sorted({vertex for each in part for vertex in each}) for part in components(subsets)]
    circles, alone = [part for part in parts if len(part) > 1], [part[0] for part in parts if len(part) == 1]
    found = np.zeros((1 + max(map(max, subsets)), 2))
    largest, x = max(map(len, circles), default=1), 0.0
    for part in circles:
        radius = max(_SMALLEST, len(part) / largest)
        order = _shortest(part, subsets)
        angles = np.pi / 2 + 2 * np.pi * np.arange(len(order)) / len(order)
        found[order] = np.column_stack([x + radius * (1 + np.cos(angles)), radius * np.sin(angles)])
        x += 2 * radius + _SLOT
    width = max(0.0, x - _SLOT)
    for place, vertex in enumerate(alone):
        found[vertex] = (width / 2 + _SLOT * (place - (len(alone) - 1) / 2), -1.0 - _BELOW if circles else 0.0)
    return found


def _shortest(part: Sequence[int], subsets: Subsets) -> list[int]:
    """Vertices in an order around a circle, exchanged as long as the chords of their sets become shorter."""
    number = {vertex: i for i, vertex in enumerate(part)}
    pairs = [(number[a], number[b]) for each in subsets if each[0] in number for a in each for b in each if a < b]
    chord = 2 * np.sin(np.pi * np.abs(np.subtract.outer(range(len(part)), range(len(part)))) / len(part))
    at = list(range(len(part)))

    def length(places: Sequence[int]) -> float:
        return float(sum(chord[places[a], places[b]] for a, b in pairs))

    best, better = length(at), True
    while better:
        better = False
        for i in range(len(part)):
            for j in range(i):
                other = at.copy()
                other[i], other[j] = at[j], at[i]
                found = length(other)
                if found < best - 1e-9:
                    at, best, better = other, found, True
    return [vertex for _, vertex in sorted(zip(at, part, strict=True))]


def numbers_of(subsets: Subsets, places: Places) -> Places:
    """Where the number of each class stands: on its edge, off its vertex, in its hull, apart from the others."""
    taken = [tuple(place) for place in places]
    found = np.zeros((len(subsets), 2))
    for label in sorted(range(len(subsets)), key=lambda label: len(subsets[label]) != 2):
        corners = places[list(subsets[label])]
        if len(corners) == 2:
            options = [(1 - t) * corners[0] + t * corners[1] for t in _ALONG]
        else:
            centre = corners.mean(axis=0)
            angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
            reach = _RING + 0.07 if len(corners) == 1 else _APART
            around = [centre + reach * np.array([np.sin(angle), np.cos(angle)]) for angle in angles]
            options = around if len(corners) == 1 else [centre, *around]
        room = [min((np.hypot(*(each - other)) for other in taken), default=1.0) for each in options]
        chosen = next((i for i, free in enumerate(room) if free >= _APART), int(np.argmax(room)))
        found[label] = options[chosen]
        taken.append(tuple(found[label]))
    return found


def draw_graph(ax: Axes, subsets: Subsets, places: Places, numbers: Places) -> None:
    """All of it, in a panel without axes whose units are equal."""
    colours = [look["color"] for look in looks(len(subsets))]
    for each, colour in zip(subsets, colours, strict=True):
        corners = places[list(each)]
        if len(each) == 1:
            ax.add_patch(Circle(tuple(corners[0]), _RING, facecolor="none", edgecolor=colour, linewidth=0.9))
        elif len(each) == 2:
            ax.plot(*corners.T, color=colour, linewidth=1.1, zorder=1)
        else:
            shape = _hull(corners)
            ax.add_patch(Polygon(shape, facecolor=colour, alpha=_ALPHA, linewidth=0))
            ax.add_patch(Polygon(shape, facecolor="none", edgecolor=colour, linewidth=0.9))
    ax.plot(*places.T, linestyle="", marker="o", markersize=_DOT, color="black", zorder=3)
    box = {"boxstyle": "circle,pad=0.12", "facecolor": "white", "edgecolor": "none"}
    for label, (place, colour) in enumerate(zip(numbers, colours, strict=True)):
        text = {"ha": "center", "va": "center_baseline", "fontsize": _TEXT, "color": colour, "bbox": box, "zorder": 4}
        ax.text(place[0], place[1], f"{label}", **text)
    every = np.concatenate([places, numbers])
    low, high = every.min(axis=0) - 2 * _PADDING, every.max(axis=0) + 2 * _PADDING
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    ax.set_axis_off()


def _hull(corners: Places) -> Float[np.ndarray, "corners 2"]:
    """The convex hull of circles around these vertices."""
    angles = 2 * np.pi * np.arange(_TURNS) / _TURNS
    ring = _PADDING * np.column_stack([np.cos(angles), np.sin(angles)])
    points = sorted({(round(x, 9), round(y, 9)) for corner in corners for x, y in corner + ring})

    def half(ordered: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for point in ordered:
            while len(kept) > 1 and _turn(kept[-2], kept[-1], point) <= 0:
                kept.pop()
            kept.append(point)
        return kept[:-1]

    return np.array(half(points) + half(points[::-1]))


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
