"""A figure of several figures by query, on one page."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from string import ascii_lowercase
from typing import ClassVar

from matplotlib.figure import Figure
from sqlalchemy import Connection

from nccli.errors import InputError, NothingFoundError
from nccli.figures.captions import one_caption
from nccli.figures.ends import finished_ends
from nccli.figures.figure import Drawn, Options, PanelFigure, Plot
from nccli.figures.grid import draw_on_a_page
from nccli.figures.page_rows import Placed, panels_of
from nccli.store import Selection, asking_for, columns_of, parse_where


@dataclass(frozen=True)
class Part:
    """A part of a paper's figure.

    Attributes:
        figure: what is drawn.
        title: unlike those of the other parts.
        where: the runs it is about; "" for none: closed forms.
        made_by: the command that makes such runs.
        only: narrows the runs further, to some that not every training ends in.
        only_words: what these are.
        cells: how much of the page it takes; 0 for as many as it has panels side by side.
        short: what is said beside its letter, where letters alone do not tell.
    """

    figure: PanelFigure
    title: str
    where: str = ""
    made_by: str = ""
    only: str = ""
    only_words: str = ""
    cells: float = 0.0
    short: str = ""

    def about(self, selection: Selection) -> Selection:
        """The runs of a selection that it is about, whether or not they are such as are drawn."""
        return replace(selection, where=(*selection.where, *parse_where(self.where)), trained=False)

    def others(self, connection: Connection | None, selection: Selection) -> int:
        """How many runs of a selection it would be about, if they were `only_words`."""
        return self.about(selection).count(connection) if connection is not None and self.only else 0

    def finished(self, connection: Connection | None, selection: Selection) -> dict[str, int]:
        """How many ends it would be about that were polished or refined, where plain ones are drawn."""
        if connection is None or not (self.where and selection.plain):
            return {}
        return finished_ends(connection, self.about(selection))

    def collect(self, connection: Connection | None, selection: Selection, options: Options) -> Drawn:
        """As the figure does, of its own runs.

        Raises:
            NothingFoundError, InputError: as the figure does, or there are none.
        """
        if not self.where:
            return self.figure.collect(None, selection, options)
        own = self.about(selection)
        own = replace(own, where=(*own.where, *parse_where(self.only))) if self.only else own
        if connection is None or not own.exists(connection):
            raise NothingFoundError(self.title)
        drawn = self.figure.collect(connection, own, replace(options, curves_only=True, one_setting=True))
        return replace(drawn, caption=f"{drawn.caption}; only {self.only_words}") if self.only else drawn


@dataclass(frozen=True)
class Missing:
    """A part without runs.

    Attributes:
        part: which.
        others: runs that it would be about, if they were `only_words`.
        finished: ends that it would be about, if they were plain.
    """

    part: Part
    others: int
    finished: Mapping[str, int]

    @property
    def why(self) -> str:
        """What became of the runs that there are; "" if there are none."""
        plural = "s" if self.others > 1 else ""
        if self.others or not self.finished:
            return f"of {self.others} run{plural} none is {self.part.only_words}" if self.others else ""
        counted = ", ".join(f"{runs} {name}" for name, runs in self.finished.items())
        return f"figures draw plain ends, and there are {counted} ({asking_for(self.finished)} draws them)"


@dataclass(frozen=True)
class PaperFigure(Plot):
    """One of fig1 … fig10: parts without runs are left out, with the commands that make them.

    Attributes:
        name: in the catalogue of figures.
        parts: in reading order.
    """

    name: str
    parts: tuple[Part, ...]
    any_kind: ClassVar[bool] = True

    @property
    def heeds(self) -> frozenset[str]:
        """Options of the user that change one of the parts that are of runs."""
        return frozenset().union(*(part.figure.heeds for part in self.parts if part.where))

    def reads(self, options: Options) -> tuple[Collection[str], Collection[str] | None]:
        """What its parts do, and what their runs are found by."""
        tables: set[str] = set()
        columns: set[str] | None = set()
        for part in self.parts:
            if part.where:
                of_tables, of_run = part.figure.reads(options)
                about = columns_of((*parse_where(part.where), *(parse_where(part.only) if part.only else ())))
                tables |= set(of_tables)
                columns = None if columns is None or of_run is None else columns | {*of_run, *about}
        return tuple(tables), columns

    def can_do_without(self, narrowed: bool) -> bool:
        """It names the commands that make what is missing."""
        return True

    def collect(self, connection: Connection | None, selection: Selection, options: Options) -> Drawn:
        """What the store has of the parts.

        Raises:
            NothingFoundError: nothing; names the commands that make it.
            InputError: the runs do not fit into the figure.
        """
        found, missing = self.find(connection, selection, options)
        listed = "".join(f"\n  {made_by}{options.store}" for made_by in dict.fromkeys(m.part.made_by for m in missing))
        reasons = "; ".join(dict.fromkeys(each.why for each in missing if each.others))
        finished = "; ".join(dict.fromkeys(each.why for each in missing if each.finished and not each.others))
        if not found and reasons:
            raise NothingFoundError(f"{self.name}: {reasons}; more seeds or another --wd may find some:{listed}")
        if not found and finished:
            raise NothingFoundError(f"{self.name}: {finished}; make plain ones with{listed}")
        if not found:
            raise NothingFoundError(f"the store has no runs for {self.name}; make them with{listed}")
        said: dict[str, list[str]] = {}
        for title, drawn in found.items():
            for text in drawn.notes:
                said.setdefault(text, []).append(title)
        notes = [f"{'; '.join(titles)}: " * (len(titles) < len(found)) + text for text, titles in said.items()]
        if missing:
            titles = "; ".join(each.part.title + (f" ({each.why})" if each.why else "") for each in missing)
            notes.append(f"left out for want of runs: {titles}; make them with{listed}")
        rows = [{"part": title, **row} for title, drawn in found.items() for row in drawn.rows]
        captions = {letters: found[title].caption for title, letters in self.letters(found).items()}
        return Drawn(rows, one_caption(captions), tuple(notes), found)

    def letters(self, found: Mapping[str, Drawn]) -> dict[str, str]:
        """Of the panels of each part, by its title: "a, b"; one letter for heat maps side by side, none for
        a single panel.
        """
        given: dict[str, str] = {}
        alphabet = iter(ascii_lowercase)
        for part in self.parts:
            if part.title in found:
                given[part.title] = ", ".join(islice(alphabet, panels_of(part.figure, found[part.title])))
        return given if list(given.values()) != ["a"] else dict.fromkeys(given, "")

    def find(
        self, connection: Connection | None, selection: Selection, options: Options
    ) -> tuple[dict[str, Drawn], list[Missing]]:
        """What the store has of the parts, by title, and the parts that it has no runs for.

        Raises:
            InputError: the runs do not fit into the figure.
        """
        found: dict[str, Drawn] = {}
        missing: list[Missing] = []
        for part in self.parts:
            try:
                found[part.title] = part.collect(connection, selection, options)
            except InputError as error:
                own_words = str(error).removeprefix(f"{part.figure.name}: ")
                raise InputError(f"{self.name}, {part.title}: {own_words}") from error
            except NothingFoundError:
                missing.append(Missing(part, part.others(connection, selection), part.finished(connection, selection)))
        return found, missing

    def draw(self, drawn: Drawn, width: float, with_caption: bool = True) -> Figure:
        """Draw the parts side by side as the page allows, under one legend, inside `style`."""
        letters = self.letters(drawn.parts)
        placed = [
            Placed(part.figure, drawn.parts[title], letters[title].split(", "), part.short, part.cells)
            for part in self.parts
            if (title := part.title) in drawn.parts
        ]
        return draw_on_a_page(placed, width, drawn.caption if with_caption else "")
