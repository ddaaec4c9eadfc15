"""What runs ended in: how many came to which outcome, a bar a setting, or along any setting."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from nccli.catalogue.outcomes import DEGENERATE, Outcome
from nccli.figures.ends import unsettled_of
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.layouts import Layout, layout, panel_title, panels
from nccli.figures.legends import legend
from nccli.figures.limits import PANELS, Limit
from nccli.figures.outcome_categories import CATEGORIES, category_names, category_of, lost_notes, other_structures
from nccli.figures.series import Series, Values, each_of, measured
from nccli.figures.setting_axis import SettingAxis, axis_of, setting_value, varied_along
from nccli.figures.stacked_shares import bars_axis, name_areas, panel_least, stack
from nccli.figures.stages import deciding_words
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.figures.text import lines_of, literal, typeset, wrapped
from nccli.store import SettingRuns, in_order

_ASPECT = 0.72
"""Height over width of a panel: a taste."""

_BAR, _LEAST, _AROUND = 0.19, 0.9, 1.05
"""Inches of a bar that lies, of all of them at least, and of axis, legend and small print; tastes."""

_NAME_TEXT, _LINE, _GAP, _NAME = 7.5, 0.115, 0.06, 0.48
"""Points of a bar's name, inches of a line of it and between two, and most of the width that it takes; tastes."""

_BARS = Limit(40, "a figure", "bars")
"""Taste: they fill a page."""

_STRIPED = "not settled"


@dataclass(frozen=True)
class Outcomes(StoreFigure):
    """Stacked bars of counts. Without an axis a bar a setting, lying; else a panel a setting, a bar a value.

    Attributes:
        name: in the catalogue of figures.
        axis: setting along the horizontal axis, if the user names one.
    """

    name: str = "outcomes"
    axis: SettingAxis | None = None
    columns: ClassVar[tuple[str, ...]] = ("outcome", "structure")
    nothing: ClassVar[str] = "none of the runs has an outcome: they were measured of other networks, or not trained"
    lacking: ClassVar[str] = "no outcome"

    @property
    def limit(self) -> Limit:  # type: ignore[override]  # it goes with the axis
        """Bars, or panels of them."""
        return _BARS if self.axis is None else PANELS

    @property
    def heeds(self) -> frozenset[str]:
        """The axis."""
        return frozenset({"x"})

    def adapted(self, options: Options) -> "Outcomes":
        """Along the setting that the user names, with as many panels as of other figures."""
        return replace(self, axis=axis_of(options.x, "--x")) if options.x else self

    @property
    def varied(self) -> tuple[str, ...]:
        """What runs along the axis."""
        return () if self.axis is None else varied_along(self.axis)

    @property
    def recipe(self) -> Mapping[str, str]:
        """Seeds enough to count."""
        made = {"K": "10", "L": "4", "width": "16,32,64", "seed": "0..9"}
        if self.axis is not None and self.axis.values:
            made[self.axis.column.replace("_", "-")] = self.axis.values
        return made

    def usable(self, runs: SettingRuns) -> bool:
        """Whether there is a value on the axis."""
        there = self.axis is None or setting_value(runs.row, self.axis.column) is not None
        return there and super().usable(runs)

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """A row an outcome of a bar."""
        for each in series:
            moving, unknown = unsettled_of(each.members)
            rows: list[Row] = []
            drawn: list[str] = []
            for place, ids, values in self._bars(each):
                outcomes = values["outcome"].tolist()
                for outcome in in_order(set(outcomes)):
                    own = [key for key, found in zip(ids, outcomes, strict=True) if found == outcome]
                    row = {"what": "outcome", "series": each.label, **place, "category": category_of(outcome)}
                    row |= {"outcome": outcome, "count": len(own), "runs": len(ids)}
                    row |= {"unsettled": len(moving.intersection(own)), "unknown": len(unknown.intersection(own))}
                    rows.append(row | {"run_ids": own})
                drawn += ids
            yield Shown(each, rows, drawn)

    def _bars(self, series: Series) -> Iterator[tuple[Row, list[str], Mapping[str, Values]]]:
        """Of every bar its place on the axis, its runs, and their values."""
        if self.axis is None:
            ids, values = measured(series.members, self.columns)
            yield {}, ids, values
            return
        by_value: dict[Any, list[SettingRuns]] = {}
        for member in series.members:
            by_value.setdefault(setting_value(member.row, self.axis.column), []).append(member)
        for place in sorted(by_value):
            ids, values = measured(by_value[place], self.columns)
            if ids:
                yield {self.axis.column: place}, ids, values

    def words(self, found: Collected) -> str:
        """Runs a bar, which layers decide, and what is drawn as one."""
        others, lost = other_structures(found.rows), self.counts(found)
        words = [each_of(found.rows, of="bar"), f"outcomes in {deciding_words(found.series)}"]
        if set(lost) - {Outcome.LOST_CLASSES.value}:
            words.append(f"lost classes: {', '.join(f'{runs} {name}' for name, runs in lost.items())}")
        words += [f"other structures: {', '.join(map(literal, others))}"] if len(others) > 1 else []
        return "; ".join(words)

    def counts(self, found: Collected) -> dict[str, int]:
        """Those that did not learn their classes, by outcome."""
        lost: Counter[str] = Counter()
        for row in found.rows:
            lost[row["outcome"]] += row["count"] * (row["outcome"] in DEGENERATE)
        return {name: lost[name] for name in in_order(+lost)}

    def notes(self, found: Collected) -> list[str]:
        """How many runs did not learn their classes."""
        return [*super().notes(found), *lost_notes(self.counts(found))]

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A panel a setting, or one with a line a setting."""
        names = [*filter(None, category_names(drawn.rows).values()), _STRIPED]
        labels = drawn.values("series")
        if self.axis is not None:
            least = panel_least(drawn.values(self.axis.column))
            return layout(len(labels), width, aspect=_ASPECT, least=least, titles=labels, named=names)
        plan = layout(1, width, named=names)
        bar = max(_BAR, _LINE * max(map(lines_of, _names(labels, width))) + _GAP)
        extra = plan.height - layout(1, width).height
        return replace(plan, height=_AROUND + max(bar * len(labels), _LEAST) + extra)

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Bars."""
        axes, labels = panels(container, plan), drawn.values("series")
        if self.axis is None:
            self._lying(axes[0], drawn, labels, plan)
        else:
            self._standing(axes, drawn, labels, plan, self.axis)
        striped = any(row["unsettled"] for row in drawn.rows)
        name_areas(axes[0], category_names(drawn.rows), _STRIPED if striped else "")
        legend(container, axes[0])

    def _lying(self, ax: Axes, drawn: Drawn, labels: Sequence[str], plan: Layout) -> None:
        places = {label: len(labels) - 1 - i for i, label in enumerate(labels)}
        stack(ax, places, [_counted(row, row["series"]) for row in drawn.of("outcome")], CATEGORIES, lying=True)
        ax.set_yticks(
            list(places.values()), [typeset(name) for name in _names(labels, plan.width)], fontsize=_NAME_TEXT
        )
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(-0.6, len(labels) - 0.4)
        ax.set_xlabel("runs")
        ax.grid(visible=False, axis="y")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))

    def _standing(
        self, axes: Sequence[Axes], drawn: Drawn, labels: Sequence[str], plan: Layout, axis: SettingAxis
    ) -> None:
        values = sorted({row[axis.column] for row in drawn.rows})
        places = {value: i for i, value in enumerate(values)}
        most = max(row["runs"] for row in drawn.rows)
        for i, (ax, label) in enumerate(zip(axes, labels, strict=True)):
            stack(
                ax, places, [_counted(row, row[axis.column]) for row in drawn.of("outcome", series=label)], CATEGORIES
            )
            bars_axis(ax, values, axis.label, plan)
            ax.set_ylim(0.0, most)
            ax.yaxis.set_major_locator(MaxNLocator(integer=True))
            panel_title(ax, label, plan)
            if i % plan.columns == 0:
                ax.set_ylabel("runs")


def _counted(row: Row, place: Any) -> Row:
    """A count as `stack` takes shares: of one."""
    return {**row, "place": place, "share": row["count"], "runs": 1, "low": None, "high": None}


def _names(labels: Sequence[str], width: float) -> list[str]:
    return [wrapped(label, _NAME * width, _NAME_TEXT) for label in labels]


PLOTS = (Outcomes(),)
