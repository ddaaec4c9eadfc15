"""Several figures on one page: panels a, b, c in rows, under one legend, with one colour bar and one caption."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator

from nccli.figures.captions import caption, captioned_height
from nccli.figures.figure import Drawn, PanelFigure
from nccli.figures.layouts import Layout, page
from nccli.figures.legend_of_page import entries_of_page
from nccli.figures.legends import legend_height, legend_of
from nccli.figures.rendering import settle, take_layout
from nccli.figures.style_sheet import PAGE_LABEL, PAGE_TICK, SMALL_TITLE
from nccli.figures.text import inches_of, width_of

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

_LOWEST, _LABEL = 0.98, 0.16
"""Inches of the lowest row of panels, a taste: four ticks above each other; and of a label below it, with its space."""

_TICK, _MOST_TICKS = 0.16, 7
"""Inches between ticks above each other, a line and a half of their text, and how many there are at most; tastes."""

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
        labelled: whether its panels name what is along them; the row below them does where it is the same.
    """

    parts: Sequence[Placed]
    inches: Sequence[float]
    plans: Sequence[Layout]
    margin: float = 0.0
    labelled: bool = True

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
        sizes = zip(self.parts, self.inches, self.plans, strict=True)
        return max(part.height(own, plan) for part, own, plan in sizes) - self._spared

    @property
    def heat(self) -> bool:
        """Whether it is of heat maps alone, which are as high as they are wide."""
        return all(part.heat for part in self.parts)

    @property
    def lowest(self) -> float:
        """Inches that it needs."""
        return _LOWEST * max(plan.rows for plan in self.plans) - self._spared

    @property
    def _spared(self) -> float:
        return 0.0 if self.labelled else _LABEL


def draw_on_a_page(parts: Sequence[Placed], width: float, small_print: str) -> Figure:
    """All parts in rows, inside `style`; no caption where it is empty."""
    rows = [_Row.of(own, width) for own in _rows(parts, width)]
    barred = max((i for i, row in enumerate(rows) if row.margin), default=-1)
    rows = [row.with_bar if i == barred else row for i, row in enumerate(rows)]
    pages = [_pages(row, i == barred) for i, row in enumerate(rows)]
    last = len(rows) - 1
    rows = [replace(row, labelled=i == last or not _same_along(row, pages[i : i + 2])) for i, row in enumerate(rows)]
    drawn = [pair for row, own in zip(rows, pages, strict=True) for pair in zip(row.parts, own, strict=True)]
    named = entries_of_page([(part.letters[0], _entries(made)) for part, made in drawn])
    above, below = legend_height(list(named), width), captioned_height(small_print, width)
    across = width >= _WIDE
    heights = _fitted(rows, (_PAGE if across else _COLUMN) - above - below, _SMALLEST if across else 1.0)
    figure = Figure(figsize=(width, above + sum(heights) + below))
    top, *bands, bottom = _bands(figure, [above, *heights, below])
    for number, (row, own, height) in enumerate(zip(rows, pages, heights, strict=True)):
        ratios = [*row.inches, *([row.margin] if row.margin else [])]
        places = bands[number].subfigures(1, len(ratios), width_ratios=ratios, squeeze=False)[0, : len(row.parts)]
        for part, made, place, plan, inches in zip(row.parts, own, places, row.plans, row.inches, strict=True):
            made.set_size_inches(inches, height)
            _draw(place, part, plan)
            _strip(place, keep_bar=number == barred and part is _last_heat(row))
            for container in (made, place):
                _make_small(container, height / plan.rows, row.labelled)
            settle(made, page=False)
            take_layout(place, made)
        _align([place for part, place in zip(row.parts, places, strict=True) if not part.heat])
        _equal_maps([place for part, place in zip(row.parts, places, strict=True) if part.heat])
    legend_of(top, named)
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
    axes = _axes(container)
    for number, (ax, letter) in enumerate(zip(axes, part.letters, strict=False)):
        bold = rf"$\mathbf{{{letter}}}$" if letter else ""
        title = "  ".join(filter(None, (bold, part.short if number == 0 else "")))
        if part.heat:
            container.suptitle(title, x=0.01, ha="left", fontsize=SMALL_TITLE)
            return
        ax.set_title(title, loc="left", fontsize=SMALL_TITLE)


def _strip(container: FigureBase, keep_bar: bool) -> None:
    """Take away legends and colour bars, of which the page has one."""
    for legend in list(container.legends):
        legend.remove()
    bars = [image.colorbar for ax in _axes(container) for image in ax.images if image.colorbar is not None]
    for bar in bars if not keep_bar else []:
        bar.remove()


def _make_small(container: FigureBase, height: float, labelled: bool) -> None:
    """Labels and ticks as panels of a page have them: of their size, and no more than there is room for."""
    for ax in _axes(container):
        if ax.get_label() == "<colorbar>" or ax.images:
            continue
        ax.tick_params(labelsize=PAGE_TICK)
        ax.set_xlabel(ax.get_xlabel() if labelled else "", fontsize=PAGE_LABEL)
        label = ax.get_ylabel()
        too_long = width_of(label, PAGE_LABEL) > height - _AROUND
        shown = "\n".join(textwrap.wrap(label, 2 + len(label) // 2)) if too_long else label
        ax.set_ylabel(shown, fontsize=PAGE_LABEL, linespacing=0.9)
        ticks = ax.yaxis.get_major_locator()
        if isinstance(ticks, MaxNLocator):
            ticks.set_params(nbins=max(2, min(_MOST_TICKS, int((height - _AROUND) / _TICK))))


def _same_along(row: _Row, pages: Sequence[Sequence[Figure]]) -> bool:
    """Whether the panels of a row stand each above one, of the other row, that has the same along it."""
    above, below = ([[ax.get_xlabel() for ax in _axes(made)] for made in own] for own in pages)
    return all(plan.rows == 1 for plan in row.plans) and above == below


def _entries(container: FigureBase) -> list[tuple[str, Any]]:
    return [
        (label, handle)
        for ax in _axes(container)
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    ]


def _axes(container: FigureBase) -> list[Axes]:
    found: Any = container.axes  # matplotlib types the axes of a part of a figure as one
    return list(found)


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


def _equal_maps(places: Sequence[FigureBase]) -> None:
    """Give heat maps side by side the same size, that of the smallest; the colour bar goes along."""
    maps = [(place, ax) for place in places for ax in _axes(place) if ax.images]
    for _, ax in maps:
        ax.apply_aspect()
    sides = [ax.get_position().width * inches_of(place) for place, ax in maps]
    heads = {round(ax.get_position().y1, 1) for _, ax in maps}
    for place, ax in maps:
        box, width = ax.get_position(), min(sides) / inches_of(place)
        height = box.height * width / box.width
        head = min(own.get_position().y1 for _, own in maps) if len(heads) == 1 else box.y1
        ax.set_position((box.x0, head - height, width, height))
        for bar in (image.colorbar for image in ax.images if image.colorbar is not None):
            own = bar.ax.get_position()
            bar.ax.set_position((box.x0 + width + own.x0 - box.x1, head - height, own.width, height))
