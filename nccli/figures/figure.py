"""What a figure is: rows from the store in, a matplotlib Figure out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from matplotlib.figure import Figure, FigureBase
from sqlalchemy import Connection

from nccli.figures.layouts import Layout, caption, captioned, page
from nccli.metrics import RANK_RTOL
from nccli.store import Selection

Row = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What a user may ask of a figure.

    Attributes:
        rank_rtol: tolerance of ranks.
        raw: heat maps with classes and rows as they are stored.
        curves_only: leave out series of a single point where others have several.
    """

    rank_rtol: float = RANK_RTOL
    raw: bool = False
    curves_only: bool = False


@dataclass(frozen=True)
class Drawn:
    """Exactly the numbers that a figure draws.

    Attributes:
        rows: flat records; each names what it is in `what` and lists the runs it comes from in `run_ids`.
        caption: settings and number of runs, the small print of the figure.
        notes: what the user should know, such as runs left out.
    """

    rows: list[Row]
    caption: str
    notes: tuple[str, ...] = field(default=())

    def of(self, what: str, **values: Any) -> list[Row]:
        """The rows of a kind with these values."""
        return [row for row in self.rows if row["what"] == what and all(row[k] == v for k, v in values.items())]

    def values(self, column: str) -> list[Any]:
        """Distinct values of a column in the order of their first row."""
        return list(dict.fromkeys(row[column] for row in self.rows if column in row))


class StoreFigure(ABC):
    """A figure of stored runs.

    Attributes:
        name: on the command line.
        summary: one line for lists.
        recipe: options of `nccli train-dufm` that make runs for it.
        heeds: options of the user that change it.
    """

    name: str
    summary: str
    recipe: Mapping[str, str]
    heeds: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def collect(self, connection: Connection, selection: Selection, options: Options) -> Drawn:
        """Query what is drawn of the runs.

        Args:
            connection: to the store.
            selection: of runs, at least one.
            options: of the user.

        Raises:
            NothingFoundError: the runs have nothing that this figure could show.
            InputError: the runs do not fit into one figure.
        """

    @abstractmethod
    def layout(self, drawn: Drawn, width: float) -> Layout:
        """The panels that `draw_in` needs, for a width in inches."""

    @abstractmethod
    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Draw everything but the caption into a figure or a part of one, inside `style`."""

    def draw(self, drawn: Drawn, width: float, with_caption: bool = True) -> Figure:
        """Draw, inside `style`.

        Args:
            drawn: from `collect`.
            width: of the figure, in inches.
            with_caption: whether settings and number of runs stand below.
        """
        plan = self.layout(drawn, width)
        plan = captioned(plan, drawn.caption) if with_caption else plan
        figure = page(width, plan.height)
        self.draw_in(figure, drawn, plan)
        if with_caption:
            caption(figure, drawn.caption)
        return figure
