"""A quantity of runs against one of their settings: what such figures have in common."""

from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from nccli.figures.axes import settings_axis
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.layouts import Layout
from nccli.figures.limits import MOST_DOTS
from nccli.figures.marks import FAINT, Look, curve, dots
from nccli.figures.one_panel import OnePanel
from nccli.figures.series import Series, Values, axis_value, each_of, measured, outcomes_of, run_rows
from nccli.figures.store_figure import Collected, Query, Shown
from nccli.store import SettingRuns


@dataclass(frozen=True)
class SettingAxis:
    """A horizontal axis.

    Attributes:
        column: of table `run`.
        label: of the axis.
        words: in a sentence.
        values: for runs that a figure lacks, as on the command line.
        log: whether it is logarithmic.
    """

    column: str
    label: str
    words: str
    values: str
    log: bool = True


WD = SettingAxis("wd", "weight decay λ", "weight decay", "1e-3,2e-3,4e-3,8e-3")
LR = SettingAxis("lr", "learning rate η", "learning rate", "0.05,0.1,0.2,0.5")
WIDTH = SettingAxis("width", "width d", "width", "10,16,24,32,64")
CLASSES = SettingAxis("K", "number of classes K", "the number of classes", "6,8,10,12,15", log=False)
DEPTH = SettingAxis("L", "number of layers L", "depth", "3..6", log=False)


class AgainstSetting(OnePanel, ABC):
    """A curve for each setting: mean ± sd over runs of the first of the columns, and every run as a dot.

    Attributes:
        axis: the horizontal one.
        quantity: what it shows, as rows name it.
        what: the rows that the curve goes through.
        spread: what its bars are.
        dotted: whether every run is a dot too.
    """

    axis: SettingAxis
    quantity: ClassVar[str]
    what: ClassVar[str] = "mean"
    spread: ClassVar[str] = "mean ± 1 sd"
    dotted: ClassVar[bool] = True

    @property
    def x_label(self) -> str:
        """Of the axis."""
        return self.axis.label

    @property
    def varied(self) -> tuple[str, ...]:
        """What runs along the axis."""
        return (self.axis.column,)

    @property
    def recipe(self) -> Mapping[str, str]:
        """Several values on the axis."""
        return {"K": "10", "L": "4", "wd": "2e-3", "seed": "0..4", self.axis.column: self.axis.values}

    @property
    def nothing(self) -> str:
        """No value on one of the axes."""
        return f"none of the runs has a {self.y_label} and a value of {self.axis.column} for all layers"

    @property
    def lacking(self) -> str:
        """No value on one of the axes, or nothing that a curve could connect."""
        return f"no {self.y_label}, no single {self.axis.column}, or a curve of one point"

    def usable(self, runs: SettingRuns) -> bool:
        """Whether there is a value on both axes."""
        return axis_value(runs.row, self.axis.column) is not None and super().usable(runs)

    def split(self, usable: Sequence[SettingRuns], options: Options) -> list[Series]:
        """The series; where only curves are wanted or fit, those of several points if there are any."""
        series, axis = super().split(usable, options), self.axis.column
        several = [each for each in series if len({axis_value(member.row, axis) for member in each.members}) > 1]
        few = len(series) <= self.limit.most and not options.curves_only
        if few or not several or len(several) == len(series):
            return series
        return super().split([member for each in several for member in each.members], options)

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """Points of curves, and every run where they are not too many for that."""
        few = sum(len(each.ids) for each in series) <= MOST_DOTS
        return (self._shown(each, self.dotted and few) for each in series)

    def _shown(self, series: Series, dotted: bool) -> Shown:
        rows: list[Row] = []
        total = 0
        for place, keys, values in self._points(series):
            point = {"series": series.label, self.axis.column: place}
            if dotted:
                each = {self.quantity: values.tolist(), "outcome": outcomes_of(series.members, keys)}
                rows += run_rows(point, keys, each, sd=None, runs=1)
            rows.append({"what": self.what, **point, **self.point(values), "runs": len(keys), "run_ids": keys})
            total += len(keys)
        return Shown(series, rows, total)

    def point(self, values: Values) -> Row:
        """A point of the curve: mean and sample standard deviation; None for the latter of a single run."""
        sd = float(values.std(ddof=1)) if len(values) > 1 else None
        return {self.quantity: float(values.mean()), "sd": sd}

    def _points(self, series: Series) -> Iterator[tuple[Any, list[str], Values]]:
        """By value on the axis, in increasing order: the runs that have a quantity, and their quantities."""
        by_value: dict[Any, list[SettingRuns]] = {}
        for member in series.members:
            by_value.setdefault(axis_value(member.row, self.axis.column), []).append(member)
        for place in sorted(by_value):
            keys, columns = measured(by_value[place], self.columns)
            if keys:
                yield place, keys, columns[self.columns[0]]

    def words(self, found: Collected) -> str:
        """Runs a point, and what bars are."""
        points = [row for row in found.rows if row["what"] == self.what]
        return each_of(points, self.spread, self.about(found.series), of="point")

    def about(self, series: Sequence[Series]) -> str:
        """What the quantity is of; "" where its name says it."""
        return ""

    def notes(self, found: Collected) -> list[str]:
        """Runs left out, axes of a single value, runs without dots."""
        notes = [*super().notes(found), *self.single_point(found)]
        if self.dotted and not any(row["what"] == "run" for row in found.rows):
            notes.append(f"{found.runs} runs are too many dots: only their means are drawn")
        return notes

    def single_point(self, found: Collected) -> list[str]:
        """What is said where there is but one value on the axis."""
        axis = self.axis.column
        if len({row[axis] for row in found.rows if row["what"] == self.what}) > 1:
            return []
        return [f"all runs have the same {axis}: the figure has a single point a series"]

    def horizontal(self, ax: Axes, drawn: Drawn, plan: Layout) -> float:
        """Ticks at the settings."""
        places = [row[self.axis.column] for row in drawn.of(self.what)]
        return settings_axis(ax, places, self.axis.log, self.axis.label, plan)

    def draw_series(self, ax: Axes, drawn: Drawn, label: str, look: Look) -> list[Artist | ErrorbarContainer]:
        """The curve, and runs behind it."""
        runs, points = drawn.of("run", series=label), drawn.of(self.what, series=label)
        places, values = ([row[name] for row in runs] for name in (self.axis.column, self.quantity))
        single = dots(ax, places, values, {**look, **FAINT}) if self.dotted else []
        return [curve(ax, [row[self.axis.column] for row in points], points, self.quantity, look, label), *single]
