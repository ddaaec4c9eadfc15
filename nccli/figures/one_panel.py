"""A single panel in which every series has its look: what such figures have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import FigureBase

from nccli.figures.axes import dodge
from nccli.figures.figure import Drawn
from nccli.figures.layouts import Layout, layout, panels
from nccli.figures.legends import legend
from nccli.figures.limits import CURVES
from nccli.figures.marks import Look, looks_of
from nccli.figures.store_figure import StoreFigure


class OnePanel(StoreFigure, ABC):
    """A figure with one pair of axes.

    Attributes:
        x_label, y_label: of the axes.
    """

    y_label: ClassVar[str]
    limit = CURVES

    @property
    @abstractmethod
    def x_label(self) -> str:
        """Of the horizontal axis."""

    @abstractmethod
    def draw_series(self, ax: Axes, drawn: Drawn, label: str, look: Look) -> Sequence[Artist | ErrorbarContainer]:
        """Draw a series, and return what is to be set aside a little where series would hide each other."""

    def horizontal(self, ax: Axes, drawn: Drawn, plan: Layout) -> float | None:
        """Prepare the horizontal axis; points between its values, None where series do not hide each other."""
        return None

    def finish(self, ax: Axes, drawn: Drawn, plan: Layout) -> None:
        """Lines of theory and the range of the vertical axis; by default none, and matplotlib's."""

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A single panel."""
        return layout(1, width, named=drawn.series)

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Series by series, and a legend where there are several."""
        (ax,) = panels(container, plan)
        between = self.horizontal(ax, drawn, plan)
        for place, (label, look) in enumerate(looks_of(drawn.series, drawn.ordered)):
            shown = self.draw_series(ax, drawn, label, look)
            if between is not None:
                dodge(ax, place, len(drawn.series), between, *shown)
        self.finish(ax, drawn, plan)
        ax.set_xlabel(self.x_label)
        ax.set_ylabel(self.y_label)
        if len(drawn.series) > 1:
            legend(container, ax)
