"""Several figures on one page: panels a, b, c in rows, under one legend, with one colour bar and one caption."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D

from nccli.figures.figure import Drawn, PanelFigure
from nccli.figures.layouts import Layout, caption, captioned_height, legend_height, legend_of, page
from nccli.figures.rendering import settle, take_layout
from nccli.figures.stages import layer_words
from nccli.figures.style_sheet import SMALL_TITLE
from nccli.figures.text import width_of

_CELL = 1.75
"""Inches of the narrowest panel with its labels; a taste: three are side by side on a page of NeurIPS, one in a column
of ICML."""

_ASPECT, _AROUND, _MOST_PANEL = 0.62, 0.4, 2.2
"""Height of a row of panels: so much of the width of one, and inches for what stands around; and at most. Tastes."""

_LETTER, _BAR, _CAPTION = 0.2, 0.6, 0.3
"""Inches above heat maps for their letter; and those of the colour bar with its label, and of small print, as they keep
free: here one bar and one small print are on the page."""

_SMALLEST = 0.6
"""Part of their height that heat maps keep across a full page, a taste; in a column, where they are small, all."""

_PAGE, _COLUMN, _WIDE = 4.0, 8.5, 4.5
"""Inches of height that a figure keeps to where rows can be lower: across a page, and in a column, from so many inches
of width on it is across. Half a page, and a page; tastes."""

_LABEL_TEXT = 9.0
"""Points of the labels of axes, as in the style sheet."""

_LOWEST = 1.05
"""Inches of the lowest row of panels, a taste: four ticks above each other."""

_NOMINAL = 5.5
"""Inches at which panels are counted; their number is the same at any width."""


@dataclass(frozen=True)
class Placed:
    """A part of a page.

    Attributes:
        figure, drawn: what is drawn, from which numbers.
        letters: of its panels.
        short: words beside the first of them.
        cells: how much of a row it takes, in panels; 0 for as many as it has side by side.
    """

    figure: PanelFigure
    drawn: Drawn
    letters: Sequence[str]
    short: str = ""
    cells: float = 0.0

    @property
    def heat(self) -> bool:
        """Whether it is of heat maps, which have a letter together."""
        return is_heat(self.figure)

    @property
    def wants(self) -> float:
        """How much of a row it takes."""
        return self.cells or float(_side_by_side(self.figure, self.drawn))

    def plan(self, width: float) -> Layout:
        """Its panels in such a width, all side by side where each has room."""
        if self.heat:
            return self.figure.layout(self.drawn, width + _BAR)
        plan = self.figure.layout(self.drawn, width)
        columns = _side_by_side(self.figure, self.drawn)
        fits = width >= columns * _CELL * 0.99
        return replace(plan, columns=columns) if fits and plan.columns < columns else plan

    def height(self, width: float, plan: Layout) -> float:
        """Of its rows, in inches."""
        if self.heat:
            return plan.height - _CAPTION + _LETTER
        return plan.rows * min(_ASPECT * width / plan.columns + _AROUND, _MOST_PANEL)


def is_heat(figure: PanelFigure) -> bool:
    """Whether a figure is of heat maps."""
    return hasattr(figure, "matrix")


def panels_of(figure: PanelFigure, drawn: Drawn) -> int:
    """Number of panels that have a letter each."""
    return 1 if is_heat(figure) else figure.layout(drawn, _NOMINAL).count


def _side_by_side(figure: PanelFigure, drawn: Drawn) -> int:
    """Panels of a figure in a row of a page."""
    return figure.layout(drawn, _NOMINAL).columns


@dataclass(frozen=True)
class _Row:
    """Parts side by side.

    Attributes:
        parts: from left to right.
        inches: their widths.
        plans: their panels.
        margin: inches that stay empty beside them, where another row has the colour bar.
    """

    parts: Sequence[Placed]
    inches: Sequence[float]
    plans: Sequence[Layout]
    margin: float = 0.0

    @classmethod
    def of(cls, parts: Sequence[Placed], width: float) -> "_Row":
        """Parts that share a width as they want it; heat maps leave room for the colour bar."""
        bar = _BAR if any(part.heat for part in parts) else 0.0
        unit = (width - bar) / sum(part.wants for part in parts)
        inches = [part.wants * unit for part in parts]
        return cls(parts, inches, [part.plan(own) for part, own in zip(parts, inches, strict=True)], bar)

    @property
    def with_bar(self) -> "_Row":
        """With the colour bar beside the last of its heat maps."""
        last = max(i for i, part in enumerate(self.parts) if part.heat)
        inches = [own + self.margin * (i == last) for i, own in enumerate(self.inches)]
        return replace(self, inches=inches, margin=0.0)

    @property
    def height(self) -> float:
        """In inches."""
        return max(part.height(own, plan) for part, own, plan in zip(self.parts, self.inches, self.plans, strict=True))

    @property
    def heat(self) -> bool:
        """Whether it is of heat maps alone, which are as high as they are wide."""
        return all(part.heat for part in self.parts)

    @property
    def lowest(self) -> float:
        """Inches that it needs."""
        return _LOWEST * max(plan.rows for plan in self.plans)


def draw_on_a_page(parts: Sequence[Placed], width: float, small_print: str) -> Figure:
    """All parts in rows, inside `style`; no caption where it is empty."""
    rows = [_Row.of(own, width) for own in _rows(parts, width)]
    barred = max((i for i, row in enumerate(rows) if row.margin), default=-1)
    rows = [row.with_bar if i == barred else row for i, row in enumerate(rows)]
    pages = [_pages(row, i == barred) for i, row in enumerate(rows)]
    named = _named([pair for row, own in zip(rows, pages, strict=True) for pair in zip(row.parts, own, strict=True)])
    above, below = legend_height(list(named), width), captioned_height(small_print, width)
    across = width >= _WIDE
    heights = _fitted(rows, (_PAGE if across else _COLUMN) - above - below, _SMALLEST if across else 1.0)
    figure = Figure(figsize=(width, above + sum(heights) + below))
    top, *bands, bottom = _bands(figure, [above, *heights, below])
    final: list[tuple[Placed, FigureBase]] = []
    for number, (row, own, height) in enumerate(zip(rows, pages, heights, strict=True)):
        ratios = [*row.inches, *([row.margin] if row.margin else [])]
        places = bands[number].subfigures(1, len(ratios), width_ratios=ratios, squeeze=False)[0, : len(row.parts)]
        for part, made, place, plan, inches in zip(row.parts, own, places, row.plans, row.inches, strict=True):
            made.set_size_inches(inches, height)
            _draw(place, part, plan)
            _strip(place, keep_bar=number == barred and part is _last_heat(row))
            for container in (made, place):
                _fold_labels(container, height)
            settle(made, page=False)
            take_layout(place, made)
            final.append((part, place))
        _align([place for part, place in zip(row.parts, places, strict=True) if not part.heat])
    legend_of(top, _named(final))
    if small_print:
        caption(bottom, small_print)
    return figure


def _last_heat(row: _Row) -> Placed | None:
    return next((part for part in reversed(row.parts) if part.heat), None)


def _pages(row: _Row, barred: bool) -> list[Figure]:
    """The parts of a row each by itself, to be laid out: matplotlib's solver is slow and unsure with many parts."""
    made = []
    for part, inches, plan in zip(row.parts, row.inches, row.plans, strict=True):
        made.append(page(inches, row.height))
        _draw(made[-1], part, plan)
        _strip(made[-1], keep_bar=barred and part is _last_heat(row))
    return made


def _rows(parts: Sequence[Placed], width: float) -> list[list[Placed]]:
    """Parts in rows, as many as each has room for."""
    room = max(1, int(width / _CELL))
    rows: list[list[Placed]] = []
    used = float(room)
    for part in parts:
        if used + part.wants > room:
            rows.append([])
            used = 0.0
        rows[-1].append(part)
        used += part.wants
    return rows


def _draw(container: FigureBase, part: Placed, plan: Layout) -> None:
    """The part with the letters of its panels."""
    part.figure.draw_in(container, part.drawn, plan)
    words = f"  {part.short}" if part.short else ""
    if part.heat:
        container.suptitle(rf"$\mathbf{{{part.letters[0]}}}${words}", x=0.01, ha="left", fontsize=SMALL_TITLE)
        return
    axes = _axes(container)
    for number, (ax, letter) in enumerate(zip(axes, part.letters, strict=False)):
        ax.set_title(rf"$\mathbf{{{letter}}}${words if number == 0 else ''}", loc="left", fontsize=SMALL_TITLE)


def _strip(container: FigureBase, keep_bar: bool) -> None:
    """Take away legends and colour bars, of which the page has one."""
    for legend in list(container.legends):
        legend.remove()
    bars = [image.colorbar for ax in _axes(container) for image in ax.images if image.colorbar is not None]
    for bar in bars if not keep_bar else []:
        bar.remove()


def _fold_labels(container: FigureBase, height: float) -> None:
    """Break labels that are longer than their axes are high."""
    for ax in _axes(container):
        label = "" if ax.get_label() == "<colorbar>" else ax.get_ylabel()
        if width_of(label, _LABEL_TEXT) > height - _AROUND:
            ax.set_ylabel("\n".join(textwrap.wrap(label, 2 + len(label) // 2)))


def _axes(container: FigureBase) -> list[Axes]:
    found: Any = container.axes  # matplotlib types the axes of a part of a figure as one
    return list(found)


def _named(parts: Sequence[tuple[Placed, FigureBase]]) -> dict[str, Any]:
    """Entries of the one legend; those that not all parts with entries have name their panel, but layers mean the same
    everywhere.
    """
    entries = [
        (
            part,
            [
                (layer_words(label), handle)
                for ax in _axes(own)
                for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
            ],
        )
        for part, own in parts
    ]
    told = [(part, found) for part, found in entries if found]
    labels = [{label for label, _ in found} for _, found in told]
    alike = all(each == labels[0] for each in labels) if labels else True
    named: dict[str, Any] = {}
    for part, found in told:
        for label, handle in found:
            own = alike or label.startswith("layer ")
            name = label if own else f"{part.letters[0]}: {label}"
            if name not in named or (label.startswith("layer ") and _has_marker(handle)):
                named[name] = handle
    layers = sorted((label for label in named if label.startswith("layer ")), key=_layer_order)
    return {label: named[label] for label in (*layers, *(other for other in named if other not in layers))}


def _has_marker(handle: Any) -> bool:
    """Whether an entry shows more than a line, so that it tells what the same layer is elsewhere too."""
    return isinstance(handle, Line2D) and handle.get_marker() not in ("", "None", None)


def _layer_order(label: str) -> tuple[int, bool]:
    """Of "layer 2 before σ"."""
    number, _, before = label.removeprefix("layer ").partition(" ")
    return int(number), not before


def _fitted(rows: Sequence[_Row], room: float, smallest: float) -> list[float]:
    """Heights of rows, lower where all are higher than there is room for; panels and heat maps keep what they need.

    Args:
        rows: of the page.
        room: inches for all of them.
        smallest: part of their height that heat maps keep.
    """
    free = sum(row.height for row in rows if not row.heat)
    fixed = sum(row.height for row in rows if row.heat)
    smaller = (
        min(1.0, max(smallest, (room - sum(min(row.height, row.lowest) for row in rows if not row.heat)) / fixed))
        if fixed
        else 1.0
    )
    factor = min(1.0, (room - smaller * fixed) / free) if free else 1.0
    return [smaller * row.height if row.heat else max(factor * row.height, min(row.height, row.lowest)) for row in rows]


def _bands(figure: Figure, heights: Sequence[float]) -> list[Any]:
    """Parts of a page below each other, of which those without height are not there."""
    shown = [max(height, 1e-3) for height in heights]
    return list(figure.subfigures(len(shown), 1, height_ratios=shown, squeeze=False)[:, 0])


def _align(places: Sequence[FigureBase]) -> None:
    """Give panels side by side the same foot and head."""
    axes = [ax for place in places for ax in _axes(place)]
    single = [place for place in places if len({round(ax.get_position().y0, 2) for ax in _axes(place)}) == 1]
    if len(single) < len(places) or not axes:
        return
    foot, head = (max(ax.get_position().y0 for ax in axes), min(ax.get_position().y1 for ax in axes))
    for ax in axes:
        box = ax.get_position()
        ax.set_position((box.x0, foot, box.width, head - foot))


def one_caption(captions: Mapping[str, str]) -> str:
    """The captions of parts in one: every clause once, behind the letters of the panels that it is about if not all."""
    settings = {letters: text.split("; ")[0].split(", ") for letters, text in captions.items()}
    shared = [item for item in next(iter(settings.values()), []) if all(item in own for own in settings.values())]
    about: dict[str, list[str]] = {}
    for letters, text in captions.items():
        settings_left = ", ".join(item for item in settings[letters] if item not in shared)
        for clause in filter(None, (settings_left, *text.split("; ")[1:])):
            about.setdefault(clause, []).append(letters)
    said, every = ", ".join(shared), list(captions)
    before = every
    for clause, own in about.items():
        told = "" if own == before else "(all) " if own == every else f"({', '.join(own)}) "
        said, before = f"{said}; {told}{clause}" if said else f"{told}{clause}", own
    return said
