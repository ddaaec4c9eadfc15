"""A figure of several figures by query, one below the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.figure import Figure, FigureBase
from sqlalchemy import Connection

from nccli.errors import InputError, NothingFoundError
from nccli.figures.figure import Drawn, Options, StoreFigure
from nccli.figures.layouts import Layout, caption, captioned, layout, page
from nccli.figures.loss_ratio import collect_loss_ratio, draw_loss_ratio_in
from nccli.figures.rendering import settle, take_layout
from nccli.figures.text import lines_of, wrapped
from nccli.store import Selection, parse_where
from nccli.theory import Problem

_TITLE, _SMALL_PRINT = 0.24, 0.15
_TITLE_TEXT, _TITLE_LINE, _TITLE_ROOM = 9, 0.18, 0.85


@dataclass(frozen=True)
class Part:
    """A row of a paper's figure.

    Attributes:
        figure: what is drawn; None for the closed forms of loss-ratio.
        title: above it.
        where: the runs it is about.
        command: makes such runs.
        only: narrows the runs further, to some that not every training ends in.
        only_words: what these are.
    """

    figure: StoreFigure | None
    title: str
    where: str = ""
    command: str = ""
    only: str = ""
    only_words: str = ""


@dataclass(frozen=True)
class Missing:
    """A part without runs.

    Attributes:
        part: which.
        others: runs that it would be about, if they were `only_words`.
    """

    part: Part
    others: int

    @property
    def why(self) -> str:
        """What became of the runs that there are; "" if there are none."""
        plural = "s" if self.others > 1 else ""
        return f"of {self.others} run{plural} none is {self.part.only_words}" if self.others else ""


@dataclass(frozen=True)
class PaperFigure:
    """One of fig1 … fig10.

    Attributes:
        name, summary: for lists.
        parts: from top to bottom.
    """

    name: str
    summary: str
    parts: tuple[Part, ...]

    @property
    def heeds(self) -> frozenset[str]:
        """Options of the user that change it."""
        return frozenset().union(*(part.figure.heeds for part in self.parts if part.figure is not None))

    def collect(
        self, connection: Connection | None, selection: Selection, options: Options
    ) -> tuple[list[tuple[Part, Drawn]], list[Missing]]:
        """What the store has of the parts, and the parts that it has no runs for.

        Args:
            connection: None where there is no store.
            selection: narrows the runs of every part.
            options: of the user.

        Raises:
            InputError: the runs do not fit into the figure.
        """
        found: list[tuple[Part, Drawn]] = []
        missing: list[Missing] = []
        for part in self.parts:
            if part.figure is None:
                problems = [Problem.uniform(K, L, 5e-4) for L in (3, 4, 5) for K in range(6, 61)]
                found.append((part, collect_loss_ratio(problems, [])))
                continue
            about = replace(selection, where=(*selection.where, *parse_where(part.where)), trained=False)
            own = replace(about, where=(*about.where, *parse_where(part.only))) if part.only else about
            try:
                if connection is None or not own.exists(connection):
                    raise NothingFoundError(part.title)
                drawn = part.figure.collect(connection, own, replace(options, curves_only=True))
                if part.only:
                    drawn = replace(drawn, caption=f"{drawn.caption}; only {part.only_words}")
                found.append((part, drawn))
            except InputError as error:
                own_words = str(error).removeprefix(f"{part.figure.name}: ")
                raise InputError(f"{self.name}, {part.title}: {own_words}") from error
            except NothingFoundError:
                others = about.count(connection) if connection is not None and part.only else 0
                missing.append(Missing(part, others))
        return found, missing

    def draw(self, found: Sequence[tuple[Part, Drawn]], width: float, with_caption: bool = True) -> Figure:
        """Draw the parts one below the other, inside `style`."""
        plans = [_plan(part, drawn, width) for part, drawn in found]
        if with_caption:
            plans = [captioned(plan, drawn.caption) for plan, (_, drawn) in zip(plans, found, strict=True)]
        heights = [plan.height + _SMALL_PRINT * with_caption for plan in plans]
        ratios, titles = heights, [wrapped(part.title, _TITLE_ROOM * width, _TITLE_TEXT) for part, _ in found]
        if len(found) > 1:
            ratios = [each for title, height in zip(titles, heights, strict=True) for each in (_above(title), height)]
        figure = Figure(figsize=(width, sum(ratios)))
        places = figure.subfigures(len(ratios), 1, height_ratios=ratios, squeeze=False)[:, 0]
        if len(found) > 1:
            for place, title in zip(places[::2], titles, strict=True):
                place.text(0.01, 0.1, title, fontsize=_TITLE_TEXT, weight="bold", va="bottom")
            places = places[1::2]
        for place, plan, height, (part, drawn) in zip(places, plans, heights, found, strict=True):
            alone = page(width, height)  # laid out by itself: matplotlib's solver is slow and unsure with many parts
            for container in (alone, place):
                _draw_part(container, part, drawn, plan, with_caption)
            settle(alone)
            take_layout(place, alone)
        return figure


def _above(title: str) -> float:
    """Inches for the title of a part."""
    return _TITLE + _TITLE_LINE * (lines_of(title) - 1)


def _draw_part(container: FigureBase, part: Part, drawn: Drawn, plan: Layout, with_caption: bool) -> None:
    if part.figure is None:
        draw_loss_ratio_in(container, drawn, plan)
    else:
        part.figure.draw_in(container, drawn, plan)
    if with_caption:
        caption(container, drawn.caption)


def _plan(part: Part, drawn: Drawn, width: float) -> Layout:
    return layout(1, width) if part.figure is None else part.figure.layout(drawn, width)
