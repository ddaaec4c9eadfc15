"""What a figure is: rows from the store in, a matplotlib Figure out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from matplotlib.figure import Figure
from sqlalchemy import Connection

Row = dict[str, Any]


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
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    recipe: ClassVar[Mapping[str, str]]

    @abstractmethod
    def collect(self, connection: Connection, runs: Sequence[Row], rank_rtol: float) -> Drawn:
        """Query what is drawn of the runs.

        Args:
            connection: to the store.
            runs: rows of table `run`, at least one.
            rank_rtol: tolerance of ranks.

        Raises:
            NothingFoundError: the runs have nothing that this figure could show.
            InputError: the runs do not fit into one figure.
        """

    @abstractmethod
    def draw(self, drawn: Drawn, width: float) -> Figure:
        """Draw, inside `style`.

        Args:
            drawn: from `collect`.
            width: of the figure, in inches.
        """
