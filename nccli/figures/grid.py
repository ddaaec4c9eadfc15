"""Several figures on one page: panels a, b, c in rows, under one legend, with one colour bar and one caption."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator

from nccli.figures.captions import caption, captioned_height
from nccli.figures.layouts import Layout, page
from nccli.figures.legend_of_page import entries_of_page
from nccli.figures.legends import legend_height, legend_of
from nccli.figures.page_rows import AROUND, PageRow, Placed, fitted_heights, rows_of
from nccli.figures.rendering import settle, take_layout
from nccli.figures.style_sheet import PAGE_LABEL, PAGE_TICK, SMALL_TITLE
from nccli.figures.text import inches_of, width_of

_TICK, _MOST_TICKS = 0.16, 7
"""Inches between ticks above each other, a line and a half of their text, and how many there are at most; tastes."""


def draw_on_a_page(parts: Sequence[Placed], width: float, small_print: str) -> Figure:
    """All parts in rows, inside `style`; no caption where it is empty."""
    rows = [PageRow.of(own, width) for own in rows_of(parts, width)]
    barred = max((i for i, row in enumerate(rows) if row.margin), default=-1)
    rows = [row.with_bar if i == barred else row for i, row in enumerate(rows)]
    pages = [_pages(row, i == barred) for i, row in enumerate(rows)]
    last = len(rows) - 1
    rows = [replace(row, labelled=i == last or not _same_along(row, pages[i : i + 2])) for i, row in enumerate(rows)]
    drawn = [pair for row, own in zip(rows, pages, strict=True) for pair in zip(row.parts, own, strict=True)]
    named = entries_of_page([(part.letters[0], _entries(made)) for part, made in drawn])
    above, below = legend_height(list(named), width), captioned_height(small_print, width)
    heights = fitted_heights(rows, width, above + below)
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


def _last_heat(row: PageRow) -> Placed | None:
    return next((part for part in reversed(row.parts) if part.heat), None)


def _pages(row: PageRow, barred: bool) -> list[Figure]:
    """The parts of a row each by itself, to be laid out: matplotlib's solver is slow and unsure with many parts."""
    made = []
    for part, inches, plan in zip(row.parts, row.inches, row.plans, strict=True):
        made.append(page(inches, row.height))
        _draw(made[-1], part, plan)
        _strip(made[-1], keep_bar=barred and part is _last_heat(row))
    return made


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
        too_long = width_of(label, PAGE_LABEL) > height - AROUND
        shown = "\n".join(textwrap.wrap(label, 2 + len(label) // 2)) if too_long else label
        ax.set_ylabel(shown, fontsize=PAGE_LABEL, linespacing=0.9)
        ticks = ax.yaxis.get_major_locator()
        if isinstance(ticks, MaxNLocator):
            ticks.set_params(nbins=max(2, min(_MOST_TICKS, int((height - AROUND) / _TICK))))


def _same_along(row: PageRow, pages: Sequence[Sequence[Figure]]) -> bool:
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
    heads = {round(ax.get_position().y1, 1) for _, ax in maps}  # one of a single row, whose titles differ in height
    for place, ax in maps:
        box, width = ax.get_position(), min(sides) / inches_of(place)
        height = box.height * width / box.width
        head = min(own.get_position().y1 for _, own in maps) if len(heads) == 1 else box.y1
        ax.set_position((box.x0, head - height, width, height))
        for bar in (image.colorbar for image in ax.images if image.colorbar is not None):
            own = bar.ax.get_position()
            bar.ax.set_position((box.x0 + width + own.x0 - box.x1, head - height, own.width, height))
