"""Where panels, titles, the legend and the small print of a figure go, and how high that makes it."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase, SubFigure

from nccli.figures.style_sheet import GREY, LEGEND_TEXT, SMALL_TITLE
from nccli.figures.text import lines_of, typeset, width_of, wrapped

_PANEL = 1.6
"""Inches of the narrowest panel; taste: five ticks with their text fit below it."""

_FEW_COLUMNS = 3
"""Panels that belong to each other and stand below each other where they do not fit side by side; taste."""

_LINE, _SMALL_LINE = 0.15, 0.125
"""Inches of a line of a title and of the small print: their sizes, 8 and 7 pt, with the usual space between lines."""

_LEGEND_LINE, _LEGEND_GAP = 0.15, 0.06
"""Inches of a line of a legend, as of a title, and of the space between two entries: half a line by default."""

_PAD = 3.0
"""Points between a panel and its title; taste."""

_HANDLE = 0.56
"""Inches of the sample of a curve in a legend with the space around it; bound: 2.4 + 0.8 + 1.2 times 8 pt are 0.49."""


@dataclass(frozen=True)
class Layout:
    """Panels in rows.

    Attributes:
        count: number of panels.
        columns: panels a row.
        width, height: of all rows with titles and legend, in inches.
    """

    count: int
    columns: int
    width: float
    height: float

    @property
    def rows(self) -> int:
        """Number of rows."""
        return -(-self.count // self.columns)


def layout(
    count: int,
    width: float,
    columns: int | None = None,
    aspect: float = 0.62,
    least: float = _PANEL,
    around: float = 0.5,
    titles: Sequence[str] = (),
    named: Sequence[str] = (),
) -> Layout:
    """Panels in rows that fit the width, as high as their titles and the legend need.

    Args:
        count: number of panels.
        width: of the figure, in inches.
        columns: panels a row where there is room for them, else few of them one below the other, and of many as many
            as there is room for; as evenly as rows allow by default.
        aspect: height over width of a panel.
        least: width of a panel, in inches.
        around: height for the small print and the first line of the legend, in inches.
        titles: one for each panel, as `panel_title` sets them; or for so many panels as `row_title` does.
        named: labels of the legend.
    """
    room = max(1, int(width / least))
    if columns is None:
        in_row = -(-count // -(-count // room))
    else:
        in_row = columns if columns <= room else 1 if columns <= _FEW_COLUMNS else room
    rows = -(-count // in_row)
    height = rows * min(aspect * width / in_row + 0.4, 2.4) + around
    if len(titles) == count:
        lines = [lines_of(wrapped(title, _title_room(width, in_row), SMALL_TITLE)) for title in titles]
        height += _LINE * sum(max(lines[start : start + in_row]) - 1 for start in range(0, count, in_row))
    else:
        height += _LINE * sum(lines_of(wrapped(title, _title_room(width, 1), SMALL_TITLE)) for title in titles)
    _, legend_height = _legend_shape(named, width)
    return Layout(count, in_row, width, height + max(0.0, legend_height - _LEGEND_LINE - _LEGEND_GAP))


def _title_room(width: float, columns: int) -> float:
    return width / columns - (0.45 if columns == 1 else 0.35)


def panels(container: FigureBase, plan: Layout) -> list[Axes]:
    """The panels of a layout, in reading order, in a figure or a part of one."""
    axes = [ax for row in container.subplots(plan.rows, plan.columns, squeeze=False) for ax in row]
    for ax in axes[plan.count :]:
        ax.set_visible(False)
    return axes[: plan.count]


def page(width: float, height: float) -> Figure:
    """An empty figure, in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def panel_title(ax: Axes, text: str, plan: Layout) -> None:
    """Settings above a panel, in as many lines as its width asks for."""
    ax.set_title(typeset(wrapped(text, _title_room(plan.width, plan.columns), SMALL_TITLE)), fontsize=SMALL_TITLE)


def row_title(axes: Sequence[Axes], text: str, plan: Layout) -> None:
    """Settings above a row of panels, over the width of the figure, and above the panels' own titles if any.

    Args:
        axes: the panels of the row, or of several below each other, with their titles.
        text: "" for none.
        plan: of the panels.
    """
    if not text:
        return
    lines = wrapped(text, _title_room(plan.width, 1), SMALL_TITLE)
    own = any(ax.get_title() for ax in axes)
    for ax in axes[: plan.columns]:  # the titles keep the height free
        ax.set_title("\n".join([" "] * lines_of(lines) + [ax.get_title()] * own), pad=_PAD)
    shown = axes[0].annotate(
        typeset(lines),
        xy=(0, 1),
        xycoords="axes fraction",
        xytext=(0, _PAD + 2 + 13 * own),
        textcoords="offset points",
        fontsize=SMALL_TITLE,
        annotation_clip=False,
    )
    shown.set_in_layout(False)  # it is wider than its panel


def caption(figure: FigureBase, text: str) -> None:
    """Small print below a figure or a part of one: settings and number of runs."""
    figure.supxlabel(typeset(_small_print(text, _inches(figure))), fontsize=7, color=GREY, x=0.01, ha="left")


def captioned(plan: Layout, text: str) -> Layout:
    """A layout with as much more height as the small print needs; it has room for two lines."""
    more = _SMALL_LINE * max(0, lines_of(_small_print(text, plan.width)) - 2)
    return replace(plan, height=plan.height + more)


def _small_print(text: str, width: float) -> str:
    return "\n".join(textwrap.wrap(text, int(width * 24), break_long_words=False))


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
        width = _inches(figure)
        columns, _ = _legend_shape(list(named), width)
        shown = [typeset(wrapped(label, width - _HANDLE, LEGEND_TEXT)) for label in named]
        place: Any = where  # matplotlib types its names of places one by one
        figure.legend(list(named.values()), shown, loc=place, ncols=columns, columnspacing=1.2)


def legend_height(labels: Sequence[str], width: float) -> float:
    """Inches of a legend with the room around it."""
    return _legend_shape(labels, width)[1] + (_LEGEND_GAP if labels else 0.0)


def captioned_height(text: str, width: float) -> float:
    """Inches of small print with the room above it; 0 of none."""
    return _SMALL_LINE * (lines_of(_small_print(text, width)) + 1) if text else 0.0


def _legend_shape(labels: Sequence[str], width: float) -> tuple[int, float]:
    """Columns of a legend, and its height in inches."""
    if not labels:
        return 1, 0.0
    longest = max(width_of(label, LEGEND_TEXT) for label in labels)
    columns = min(len(labels), max(1, int(width / (_HANDLE + longest))))
    if columns == 1:
        lines = sum(lines_of(wrapped(label, width - _HANDLE, LEGEND_TEXT)) for label in labels)
        return 1, _LEGEND_LINE * lines + _LEGEND_GAP * len(labels)
    return columns, (_LEGEND_LINE + _LEGEND_GAP) * -(-len(labels) // columns)


def _inches(container: FigureBase) -> float:
    assert isinstance(container, Figure | SubFigure)
    return float(container.bbox.width / container.dpi)
