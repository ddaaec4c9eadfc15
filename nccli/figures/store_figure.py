"""From stored runs to the numbers of a figure: one way for all, to which each figure adds only what is its own."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

from sqlalchemy import Connection

from nccli.catalogue.outcomes import Outcome
from nccli.errors import NothingFoundError
from nccli.figures.ends import ENDS, Ends, ends_of, left_out_notes
from nccli.figures.figure import Drawn, Options, PanelFigure, Row
from nccli.figures.limits import PANELS, ROWS, Limit
from nccli.figures.series import Series, describe, have_all, in_order_of_numbers, split_series
from nccli.store import Comparison, Condition, Not, Selection, SettingRuns, count_degenerate, select_settings

_RECIPE = {"K": "10", "L": "4", "wd": "4e-3", "seed": "0..9"}
_IN_COMMANDS = ("K", "L", "n", "width", "wd", "lr", "seed", "steps")
"""Columns that --where fixes for a command that makes runs, as its options of the same name."""


_NOT_DIVERGED = Not(Comparison("outcome", "=", Outcome.DIVERGED.value))
"""Diverged runs have nothing to average."""


@dataclass(frozen=True)
class Query:
    """What is asked of the store.

    Attributes:
        connection, selection, options: as for `collect`.
    """

    connection: Connection
    selection: Selection
    options: Options


@dataclass(frozen=True)
class Shown:
    """What a figure shows of a series.

    Attributes:
        series: which.
        rows: the numbers.
        ids: runs whose ends they are.
        chosen_from: number of runs that these are the best of; 0 where they are all.
        traits: words by which the caption knows what holds for this series.
    """

    series: Series
    rows: list[Row]
    ids: Sequence[str]
    chosen_from: int = 0
    traits: frozenset[str] = frozenset()

    @property
    def runs(self) -> int:
        """Number of runs that the numbers come from."""
        return self.chosen_from or len(self.ids)


@dataclass(frozen=True)
class Collected:
    """What a figure shows of all series.

    Attributes:
        options: of the user.
        shown: series by series.
        rows: of all of them, and lines of theory beside them.
        left_out: number of runs that are not shown.
        drawn: ids of those that are.
    """

    options: Options
    shown: Sequence[Shown]
    rows: list[Row]
    left_out: int
    drawn: Set[str]

    @property
    def series(self) -> list[Series]:
        """Those that the caption is about."""
        return [each.series for each in self.shown]

    @property
    def runs(self) -> int:
        """Number of runs that are shown."""
        return sum(each.runs for each in self.shown)

    @cached_property
    def ends(self) -> Ends:
        """Of the runs that are drawn."""
        members = (member for each in self.shown for member in each.series.members)
        return ends_of(members, self.drawn)

    @property
    def traits(self) -> frozenset[str]:
        """Of any series."""
        return frozenset().union(*(each.traits for each in self.shown))


class StoreFigure(PanelFigure):
    """A figure of stored runs.

    Attributes:
        columns: of table `run`, which it reads of every run beside the settings.
        limit: the most series.
        averages: whether it shows means, which leave out runs that are zero, constant or lost classes.
        small_print: what the end of the caption always says: what marks or quantities are.
    """

    columns: ClassVar[tuple[str, ...]] = ()
    small_print: ClassVar[str] = ""
    limit: ClassVar[Limit] = PANELS
    averages: ClassVar[bool] = False

    @property
    def heeds(self) -> frozenset[str]:
        """Means can be asked to hold all runs."""
        return frozenset({"all_runs"} if self.averages else ())

    @property
    def recipe(self) -> Mapping[str, str]:
        """Options of `nccli train-dufm` that make runs for it; those of the paper's Figure 2 if not said."""
        return _RECIPE

    @property
    def varied(self) -> tuple[str, ...]:
        """Settings in which the runs of a series may differ, beside the seed."""
        return ()

    @property
    @abstractmethod
    def nothing(self) -> str:
        """What is said where no run has anything to show."""

    @property
    @abstractmethod
    def lacking(self) -> str:
        """Why runs are left out."""

    @abstractmethod
    def shown(self, query: Query, series: Sequence[Series]) -> Iterable[Shown]:
        """What is drawn, series by series; the caption is about these."""

    def words(self, found: Collected) -> str:
        """The end of the caption: what means and marks are."""
        return self.small_print

    def usable(self, runs: SettingRuns) -> bool:
        """Whether one of the runs of a setting has a value in all of the columns."""
        return not self.columns or bool(have_all(runs, self.columns).any())

    def select(self, query: Query) -> list[SettingRuns]:
        """The runs by setting, with the columns and what became of them."""
        return select_settings(query.connection, query.selection, tuple(dict.fromkeys((*self.columns, *ENDS))))

    def split(self, usable: Sequence[SettingRuns], options: Options) -> list[Series]:
        """The runs by series."""
        return split_series(usable, self.varied)

    def set_aside(self, usable: Sequence[SettingRuns], series: Sequence[Series]) -> tuple[int, str]:
        """Usable runs that `split` leaves out of the series, how many and which; by default none."""
        return 0, ""

    def beside(self, series: Sequence[Series]) -> list[Row]:
        """What is drawn of no series: lines of theory."""
        return []

    def notes(self, found: Collected) -> list[str]:
        """What the user should know: runs left out for want of what is shown, and runs that have not settled."""
        left_out = [f"{found.left_out} runs left out: {self.lacking}"] if found.left_out else []
        return [*left_out, *found.ends.notes(sum(len(each.ids) for each in found.shown))]

    def counts(self, found: Collected) -> dict[str, int]:
        """Runs that the end of the caption counts; by default none."""
        return {}

    def command(self, where: Sequence[Condition], options: Options) -> str:
        """The recipe, with what conditions fix."""
        made = dict(self.recipe)
        for each in where:
            if isinstance(each, Comparison) and each.operator == "=" and each.column in _IN_COMMANDS:
                made[each.column] = f"{each.value}"
        return "nccli train-dufm " + " ".join(f"--{key} {value}" for key, value in made.items()) + options.store

    def collect(self, connection: Connection | None, selection: Selection, options: Options) -> Drawn:
        """Select, keep what is usable, split into series, refuse too many, collect rows, and say what they are."""
        if connection is None:
            raise NothingFoundError(self.nothing)
        degenerate = count_degenerate(connection, selection) if self.averages and not options.all_runs else {}
        learned = replace(selection, learned=bool(degenerate))
        none_learned = not replace(learned, where=(*learned.where, _NOT_DIVERGED)).exists(connection)
        query = Query(connection, selection if none_learned else learned, options)
        chosen = self.select(query)
        usable = [each for each in chosen if self.usable(each)]
        series = self.split(usable, options)
        aside, aside_words = self.set_aside(usable, series)
        others: Sequence[Series] = ()
        if options.one_setting and self.limit in (PANELS, ROWS):
            series, others = _of_most_runs(series)
        self.limit.require(series, self.name, connection, selection, self.varied)
        shown = list(self.shown(query, series))
        rows = [row for each in shown for row in each.rows]
        if not rows:
            raise NothingFoundError(self.nothing)
        rows += self.beside(series)
        elsewhere = sum(len(each.ids) for each in others)
        left_out = len(_distinct(chosen)) - sum(each.runs for each in shown) - elsewhere - aside
        drawn = _distinct(shown)
        left_out += sum(len(each.ids) for each in shown) - len(drawn)  # checkpoints of several series
        found = Collected(options, shown, rows, left_out, drawn)
        caption = describe(found.series, found.runs, found.ends, self.words(found))
        notes = [*self.notes(found), *left_out_notes(connection, selection)]
        if aside:
            caption += f"; {_runs(aside)} {aside_words}"
            notes.append(f"{_runs(aside)} {aside_words}")
        if others:
            told = f"{_runs(elsewhere)} of {len(others)} other setting{'s' if len(others) > 1 else ''} set aside"
            caption += f"; {told}"
            notes.append(f"{told}: the setting with the most runs is drawn (--where narrows it down)")
        if degenerate:
            told = ", ".join(f"{runs} {outcome}" for outcome, runs in degenerate.items())
            caption += f"; {told}" if none_learned else f"; left out: {told}"
            count = sum(degenerate.values())
            notes.insert(
                0,
                f"no run kept its classes, and all are drawn: {told}"
                if none_learned
                else left_out_of_means(count, told),
            )
        lost = {f"{'' if none_learned else 'left out: '}{outcome}": runs for outcome, runs in degenerate.items()}
        counts = {**found.ends.counts, **self.counts(found), **lost}
        counts |= {"left out": left_out} if left_out else {}
        counts |= {"set aside": elsewhere + aside} if elsewhere + aside else {}
        return Drawn(rows, caption, tuple(notes), counts=counts, ordered=in_order_of_numbers(series))


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"


def _of_most_runs(series: Sequence[Series]) -> tuple[list[Series], list[Series]]:
    """The setting with the most runs, of equals the first, and the others."""
    if len(series) < 2:
        return list(series), []
    chosen = max(series, key=lambda each: len(each.ids))
    return [replace(chosen, label="")], [each for each in series if each is not chosen]


def _distinct(groups: Iterable[SettingRuns | Shown]) -> Set[str]:
    """Ids of the runs that groups have."""
    return set[str]().union(*(each.ids for each in groups))


def left_out_of_means(runs: int, told: str) -> str:
    """The note on runs that did not learn their classes, of so many `told` by outcome."""
    return f"{runs} {'run' if runs == 1 else 'runs'} left out of means: {told} (--all puts them back)"
