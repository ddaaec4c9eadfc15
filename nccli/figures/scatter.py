"""Runs as marks in the plane of two of their quantities: what such figures have in common."""

from abc import ABC
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from nccli.figures.axes import reference_marks
from nccli.figures.ends import ENDS
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.layouts import Layout
from nccli.figures.marks import Look, dots
from nccli.figures.one_panel import OnePanel
from nccli.figures.series import Series, Values, measured, outcomes_of, run_rows
from nccli.figures.store_figure import Query, Shown
from nccli.store import problem_of
from nccli.theory import Problem


class Scatter(OnePanel, ABC):
    """A mark a run, in the look of its setting, and a cross for each solution of their problems.

    Attributes:
        x, y: the quantities on the axes.
    """

    x: ClassVar[str]
    y: ClassVar[str]
    small_print = "a mark a run"

    def reads(self, options: Options) -> tuple[Collection[str], Collection[str] | None]:
        """Columns alone."""
        return (), (*self.columns, *ENDS)

    def quantities(self, values: Mapping[str, Values]) -> Mapping[str, Values]:
        """What is drawn of runs that have a value in all of the columns; these values if not said."""
        return values

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """A row a run."""
        for each in series:
            ids, values = measured(each.members, self.columns)
            drawn: dict[str, list[Any]] = {name: found.tolist() for name, found in self.quantities(values).items()}
            drawn["outcome"] = outcomes_of(each.members, ids)
            yield Shown(each, run_rows({"series": each.label}, ids, drawn), ids)

    def solutions(self, problem: Problem) -> Iterable[tuple[str, Mapping[str, float]]]:
        """By name, where solutions of a problem lie; none if not said."""
        return ()

    def beside(self, series: Sequence[Series]) -> list[Row]:
        """Solutions of the runs' own problems, each place once."""
        members = [member.row for each in series for member in each.members]
        problems = dict.fromkeys(problem for row in members if (problem := problem_of(row)) is not None)
        several = len({problem.K for problem in problems}) > 1
        mixed = len({problem.objective for problem in problems}) > 1
        found = {
            (
                name + (f", K = {problem.K}" if several else "") + (f" ({problem.objective})" if mixed else ""),
                place[self.x],
                place[self.y],
            )
            for problem in problems
            for name, place in self.solutions(problem)
        }
        return [
            {"what": "solution", "series": name, self.x: x, self.y: y, "run_ids": []} for name, x, y in sorted(found)
        ]

    def draw_series(self, ax: Axes, drawn: Drawn, label: str, look: Look) -> list[Line2D]:
        """A mark a run."""
        rows = drawn.of("run", series=label)
        return dots(ax, [row[self.x] for row in rows], [row[self.y] for row in rows], look, label)

    def finish(self, ax: Axes, drawn: Drawn, plan: Layout) -> None:
        """Crosses."""
        reference_marks(ax, [(row[self.x], row[self.y], row["series"]) for row in drawn.of("solution")])
