"""A phase diagram: where in the plane of two settings runs have which rank, or end in what."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from nccli.catalogue.figures import PhaseColor
from nccli.errors import InputError
from nccli.figures.cell_contents import (
    SHARE_OF_DNC,
    SHARE_OF_SRG,
    CellContent,
    CommonestOutcome,
    MeanRank,
    lost_in,
    told,
)
from nccli.figures.cells import CellAxis, Cells, Place, name_empty
from nccli.figures.ends import ENDS, unsettled_of
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.hidden_ranks import HIDDEN_RANK, at_tolerance, read_for_ranks
from nccli.figures.layouts import Layout, layout, panel_title, panels
from nccli.figures.legends import legend
from nccli.figures.outcome_categories import lost_notes
from nccli.figures.series import Series, each_of, measured
from nccli.figures.setting_axis import WD, WIDTH, SettingAxis, axis_of, setting_value, varied_along
from nccli.figures.setting_ticks import settings_axis, upright_settings_axis
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure, left_out_of_means
from nccli.store import Condition, SettingRuns

_ASPECT, _LEAST, _BAR = 0.8, 2.2, 0.75
"""Height over width of a panel, its least width and that of the colour bar in inches; taste."""

_AROUND = 0.6
"""Inches above and below the cells of a panel; taste."""

_NO_RUNS = "no runs"

_CONTENTS: Mapping[PhaseColor, CellContent] = {
    PhaseColor.RANK: MeanRank(),
    PhaseColor.DNC: SHARE_OF_DNC,
    PhaseColor.SRG: SHARE_OF_SRG,
    PhaseColor.OUTCOME: CommonestOutcome(),
}


@dataclass(frozen=True)
class Phase(StoreFigure):
    """A panel for each setting, in it a cell for each pair of values of two more.

    Attributes:
        name: in the catalogue of figures.
        x, y: the axes.
        color: what is shown.
    """

    name: str = "phase"
    x: SettingAxis = WIDTH
    y: SettingAxis = WD
    color: PhaseColor = PhaseColor.RANK

    @property
    def content(self) -> CellContent:
        """What is shown of the runs of a cell."""
        return _CONTENTS[self.color]

    @property
    def heeds(self) -> frozenset[str]:
        """Axes and colours, and what these heed."""
        return self.content.heeds | {"x", "y", "color"}

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]  # they go with the colours
        """What is read of runs."""
        return self.content.columns

    def adapted(self, options: Options) -> "Phase":
        """With the axes and colours that the user names."""
        x = axis_of(options.x, "--x") if options.x else self.x
        y = axis_of(options.y, "--y") if options.y else self.y
        if x.column == y.column:
            raise InputError(f"phase: both axes are {x.column}: name another with --x or --y")
        return replace(self, x=x, y=y, color=PhaseColor(options.color) if options.color else self.color)

    @property
    def varied(self) -> tuple[str, ...]:
        """What runs along the axes."""
        return (*varied_along(self.x), *varied_along(self.y))

    @property
    def recipe(self) -> Mapping[str, str]:
        """A small problem with several values on either axis."""
        own = {axis.column.replace("_", "-"): axis.values for axis in (self.x, self.y) if axis.values}
        return {"K": "6", "L": "4", "n": "1", "lr": "1", "seed": "0..4", "steps": "8000", **own}

    def command(self, where: Sequence[Condition], options: Options) -> str:
        """The recipe; "" where no single option of training makes values for an axis."""
        return super().command(where, options) if self.x.values and self.y.values else ""

    @property
    def nothing(self) -> str:
        """No value on one of the axes, or nothing to colour."""
        return f"none of the runs has hidden layers and values of {self.x.column} and {self.y.column}"

    @property
    def lacking(self) -> str:
        """No value on one of the axes, or nothing to colour."""
        return f"no hidden layers, or no single {self.x.column} or {self.y.column}"

    def reads(self, options: Options) -> tuple[Collection[str], Collection[str] | None]:
        """Columns, and spectra for ranks at another tolerance."""
        return read_for_ranks(options) if HIDDEN_RANK in self.columns else (), (*self.columns, *ENDS)

    def select(self, query: Query) -> list[SettingRuns]:
        """Stored ranks, or those at another tolerance."""
        found = super().select(query)
        return at_tolerance(found, query) if HIDDEN_RANK in self.columns else found

    def usable(self, runs: SettingRuns) -> bool:
        """Whether there is a value on both axes."""
        return None not in self._place(runs) and super().usable(runs)

    def _place(self, runs: SettingRuns) -> tuple[Any, Any]:
        return setting_value(runs.row, self.x.column), setting_value(runs.row, self.y.column)

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """A row a cell that has runs."""
        for each in series:
            cells: dict[Place, list[SettingRuns]] = {}
            for member in each.members:
                cells.setdefault(self._place(member), []).append(member)
            found = (self._row(each.label, place, cells[place], query.options) for place in sorted(cells))
            rows = [row for row in found if row is not None]
            yield Shown(each, rows, [key for row in rows for key in row["run_ids"]])

    def _row(self, label: str, place: Place, members: Sequence[SettingRuns], options: Options) -> Row | None:
        """A cell; None where none of its runs has what is shown."""
        keys, values = measured(members, self.columns)
        if not keys:
            return None
        at = {"what": "cell", "series": label, self.x.column: place[0], self.y.column: place[1]}
        moving, unknown = (len(found.intersection(keys)) for found in unsettled_of(members))
        about = self.content.cell(values, options.all_runs)
        return {**at, **about, "unsettled": moving, "unknown": unknown, "run_ids": keys}

    def words(self, found: Collected) -> str:
        """Runs a cell, and what the colours are."""
        rows = [{**row, "runs": len(row["run_ids"])} for row in found.rows]
        return each_of(rows, rest="; ".join(self.content.words(found.series, found.rows)), of="cell")

    def counts(self, found: Collected) -> dict[str, int]:
        """Runs that did not learn their classes, by outcome."""
        left_out = self.content.left_out(found.rows)
        return {f"left out: {name}": runs for name, runs in left_out.items()} or lost_in(found.rows)

    def notes(self, found: Collected) -> list[str]:
        """Runs left out of means, or drawn that did not learn their classes; axes of a single value."""
        lost = self.content.left_out(found.rows)
        single = [
            f"all runs have the same {axis.column}: a single {what} of cells"
            for axis, what in ((self.x, "column"), (self.y, "row"))
            if len({row[axis.column] for row in found.rows}) == 1
        ]
        first = [left_out_of_means(sum(lost.values()), told(lost))] if lost else lost_notes(lost_in(found.rows))
        return [*first, *super().notes(found), *single]

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A panel a setting, and the colour bar beside them."""
        labels = drawn.values("series")
        named = [*self.content.names(drawn.rows).values(), _NO_RUNS]
        plan = layout(len(labels), width - self._bar, aspect=_ASPECT, least=_LEAST, titles=labels, named=named)
        return replace(plan, width=width)

    @property
    def _bar(self) -> float:
        """Inches of the colour bar."""
        return _BAR if self.content.bar else 0.0

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Cells."""
        axes = panels(container, plan)
        room = replace(plan, width=plan.width - self._bar)
        limits, empty = self.content.limits(drawn.rows), False
        for i, (ax, label) in enumerate(zip(axes, drawn.values("series"), strict=True)):
            rows = {(row[self.x.column], row[self.y.column]): row for row in drawn.of("cell", series=label)}
            x, y = (CellAxis.of(values) for values in zip(*rows, strict=True))
            settings_axis(ax, x.values, x.log, self.x.label, room)
            upright_settings_axis(ax, y.values, y.log, self.y.label, plan.height / plan.rows - _AROUND)
            if i % plan.columns:
                ax.set_ylabel("")
            cells = Cells(x, y)
            cells.prepare(ax)
            self.content.fill(ax, cells, rows, limits)
            panel_title(ax, label, room)
            empty = empty or len(rows) < len(x.values) * len(y.values)
        if self.content.bar:
            self._colour_bar(container, axes, limits)
        self.content.legend(axes[0], drawn.rows)
        if empty:
            name_empty(axes[0], _NO_RUNS)
        legend(container, axes[0])

    def _colour_bar(self, container: FigureBase, axes: Sequence[Axes], limits: tuple[float, float]) -> None:
        shades = ScalarMappable(Normalize(*limits), self.content.colours)
        bar = container.colorbar(shades, ax=axes, fraction=0.05, pad=0.02, aspect=30)
        bar.outline.set_linewidth(0.4)
        bar.set_label(self.content.bar)
        if self.content.whole:
            bar.locator = MaxNLocator(integer=True, nbins=7)
            bar.update_ticks()


PLOTS = (Phase(),)
