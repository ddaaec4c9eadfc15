"""The parts of a page in rows: which stand side by side, how wide, and how high that makes the page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nccli.figures.figure import Drawn, PanelFigure
from nccli.figures.layouts import Layout

_CELL = 1.75
"""Inches of the narrowest panel with its labels; a taste: three are side by side on a page of NeurIPS, one in a column
of ICML."""

_ASPECT, AROUND, _MOST_PANEL = 0.62, 0.4, 2.2
"""Height of a row of panels: so much of the width of one, and inches for what stands around; and at most. Tastes."""

_LETTER, _BAR, _CAPTION = 0.2, 0.6, 0.3
"""Inches above heat maps for their letter; and those of the colour bar with its label, and of small print, as they keep
free: here one bar and one small print are on the page."""

_SMALLEST = 0.6
"""Part of their height that heat maps keep across a full page, a taste; in a column, where they are small, all."""

_LOWEST, _LABEL = 0.98, 0.16
"""Inches of the lowest row of panels, a taste: four ticks above each other; and of a label below it, with its space."""

_PAGE, _COLUMN, _WIDE = 4.0, 8.5, 4.5
"""Inches of height that a figure keeps to where rows can be lower: across a page, and in a column, from so many inches
of width on it is across. Half a page, and a page; tastes."""

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
        return plan.rows * min(_ASPECT * width / plan.columns + AROUND, _MOST_PANEL)


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
class PageRow:
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
    def of(cls, parts: Sequence[Placed], width: float) -> "PageRow":
        """Parts that share a width as they want it; heat maps leave room for the colour bar."""
        bar = _BAR if any(part.heat for part in parts) else 0.0
        unit = (width - bar) / sum(part.wants for part in parts)
        inches = [part.wants * unit for part in parts]
        return cls(parts, inches, [part.plan(own) for part, own in zip(parts, inches, strict=True)], bar)

    @property
    def with_bar(self) -> "PageRow":
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


def rows_of(parts: Sequence[Placed], width: float) -> list[list[Placed]]:
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


def fitted_heights(rows: Sequence[PageRow], width: float, around: float) -> list[float]:
    """Heights of rows, lower where all are higher than there is room for; panels and heat maps keep what they need.

    Args:
        rows: of the page.
        width: of the page, in inches.
        around: inches of its legend and its small print.
    """
    across = width >= _WIDE
    room, smallest = (_PAGE if across else _COLUMN) - around, _SMALLEST if across else 1.0
    free = sum(row.height for row in rows if not row.heat)
    fixed = sum(row.height for row in rows if row.heat)
    smaller = (
        min(1.0, max(smallest, (room - sum(min(row.height, row.lowest) for row in rows if not row.heat)) / fixed))
        if fixed
        else 1.0
    )
    factor = min(1.0, (room - smaller * fixed) / free) if free else 1.0
    return [smaller * row.height if row.heat else max(factor * row.height, min(row.height, row.lowest)) for row in rows]
