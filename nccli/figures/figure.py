"""What a figure of `nccli plot` is: runs of the store or closed forms in, a matplotlib Figure out."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from matplotlib.figure import Figure, FigureBase
from sqlalchemy import Connection

from nccli.catalogue.figures import FIGURES
from nccli.figures.captions import caption, captioned
from nccli.figures.layouts import Layout, page
from nccli.metrics import RANK_RTOL
from nccli.store import WHOLE, Condition, Selection
from nccli.theory import Problem

Row = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """What a user may ask of a figure.

    Attributes:
        rank_rtol: tolerance of ranks.
        all_runs: average over runs that did not learn their classes too.
        raw: heat maps with classes and rows as they are stored.
        curves_only: leave out series of a single point where others have several.
        one_setting: of a figure that has panels for each setting, only those of the setting with the most runs.
        problems: of closed forms; empty for those of the figure.
        x, y, color: axes and colours of a figure that shows one quantity over two settings; "" for its own.
        store: how a command that makes missing runs names the store, " --store FILE" or nothing.
    """

    rank_rtol: float = RANK_RTOL
    raw: bool = False
    all_runs: bool = False
    curves_only: bool = False
    one_setting: bool = False
    problems: tuple[Problem, ...] = ()
    x: str = ""
    y: str = ""
    color: str = ""
    store: str = ""


@dataclass(frozen=True)
class ClosedForms:
    """Problems of a figure that needs no runs, where the user names no others.

    Attributes:
        K, L: every combination of them.
        n: samples a class.
        wd: weight decay of the features and of every layer.
    """

    K: Sequence[int]
    L: Sequence[int]
    n: int
    wd: float

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them."""
        return tuple(Problem.uniform(K, L, self.wd, self.n) for K in self.K for L in self.L)


@dataclass(frozen=True)
class Drawn:
    """Exactly the numbers that a figure draws.

    Attributes:
        rows: flat records; each names what it is in `what` and lists the runs it comes from in `run_ids`.
        caption: settings and number of runs, the small print of the figure.
        notes: what the user should know, such as runs left out.
        parts: of a figure of several, what each of them draws, by title.
        ordered: whether its series go from less to more, as those do that differ in a number.
        counts: numbers of runs that the caption tells beside them, by what holds of these: not settled, lost.
    """

    rows: list[Row]
    caption: str
    notes: tuple[str, ...] = ()
    parts: Mapping[str, "Drawn"] = field(default_factory=dict)
    ordered: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def counted(self) -> list[Row]:
        """The counts as rows beside those that are drawn; of several parts each with its title."""
        own = [{"what": "count", "of": about, "runs": runs, "run_ids": []} for about, runs in self.counts.items()]
        return own + [{"part": title, **row} for title, part in self.parts.items() for row in part.counted]

    def of(self, what: str, **values: Any) -> list[Row]:
        """The rows of a kind with these values."""
        return [row for row in self.rows if row["what"] == what and all(row[k] == v for k, v in values.items())]

    @property
    def series(self) -> list[str]:
        """Labels of the series of runs, in the order of their first row."""
        return list(dict.fromkeys(row["series"] for row in self.rows if row["run_ids"] and "series" in row))

    def values(self, column: str) -> list[Any]:
        """Distinct values of a column in the order of their first row."""
        return list(dict.fromkeys(row[column] for row in self.rows if column in row))


class Plot(ABC):
    """A figure with a name on the command line.

    Attributes:
        name: in the catalogue of figures.
        grid: problems that it shows in closed form, if any; the user may name others.
        any_kind: where the user names no runs, whether it is about all of the store or about trained ones that ended
            well.
    """

    name: str
    grid: ClassVar[ClosedForms | None] = None
    any_kind: ClassVar[bool] = False

    @property
    def heeds(self) -> frozenset[str]:
        """Names of the user's options that change it."""
        return frozenset()

    def reads(self, options: Options) -> tuple[Collection[str], Collection[str] | None]:
        """Tables beside `run` that it reads, and the columns of `run`; None for all columns, as `unreadable_runs`."""
        return WHOLE, None

    @property
    def summary(self) -> str:
        """One line for lists."""
        return FIGURES[self.name]

    def adapted(self, options: Options) -> "Plot":
        """The figure with the axes that the user names; itself where it has its own.

        Raises:
            InputError: there are no such axes.
        """
        return self

    def can_do_without(self, narrowed: bool) -> bool:
        """Whether there is something to draw where no run is found; `narrowed` if the user has set conditions."""
        return False

    def command(self, where: Sequence[Condition], options: Options) -> str:
        """What makes the runs that such conditions ask for; "" where there is no single command."""
        return ""

    @abstractmethod
    def collect(self, connection: Connection | None, selection: Selection, options: Options) -> Drawn:
        """Find out what is drawn.

        Args:
            connection: to the store; None where it has no run for a figure that can do without.
            selection: of runs, at least one.
            options: of the user.

        Raises:
            NothingFoundError: the runs have nothing that this figure could show.
            InputError: the runs do not fit into one figure.
        """

    @abstractmethod
    def draw(self, drawn: Drawn, width: float, with_caption: bool = True) -> Figure:
        """Draw, inside `style`.

        Args:
            drawn: from `collect`.
            width: of the figure, in inches.
            with_caption: whether settings and number of runs stand below.
        """


class PanelFigure(Plot):
    """A figure that can be a part of another: panels under one legend, with small print below."""

    @abstractmethod
    def layout(self, drawn: Drawn, width: float) -> Layout:
        """The panels that `draw_in` needs, for a width in inches."""

    @abstractmethod
    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Draw everything but the caption into a figure or a part of one, inside `style`."""

    def draw(self, drawn: Drawn, width: float, with_caption: bool = True) -> Figure:
        """Draw, inside `style`."""
        plan = self.layout(drawn, width)
        plan = captioned(plan, drawn.caption) if with_caption else plan
        figure = page(width, plan.height)
        self.draw_in(figure, drawn, plan)
        if with_caption:
            caption(figure, drawn.caption)
        return figure
