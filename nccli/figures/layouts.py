"""Where panels and titles of a figure go, and how high that and its legend make it."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from nccli.figures.legends import more_than_a_line
from nccli.figures.style_sheet import SMALL_TITLE
from nccli.figures.text import lines_of, typeset, wrapped

_PANEL = 1.6
"""Inches of the narrowest panel; taste: five ticks with their text fit below it."""

_FEW_COLUMNS = 3
"""Panels that belong to each other and stand below each other where they do not fit side by side; taste."""

_LINE = 0.15
"""Inches of a line of a title: its size, 8 pt, with the usual space between lines."""

_PAD = 3.0
"""Points between a panel and its title; taste."""


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
    return Layout(count, in_row, width, height + more_than_a_line(named, width))


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
