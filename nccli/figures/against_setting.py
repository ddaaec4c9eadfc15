"""A quantity of runs against one of their settings: what such figures have in common."""

from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Bool, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from nccli.figures.axes import dodge, settings_axis
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.layouts import Layout, layout, panels
from nccli.figures.limits import CURVES, MOST_DOTS
from nccli.figures.marks import FAINT, curve, dots, looks_of, name_axes
from nccli.figures.series import Series, axis_value, each_of
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
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


class AgainstSetting(StoreFigure, ABC):
    """A curve for each setting: mean ± sd over runs of the first of the columns, and every run as a dot.

    Attributes:
        axis: the horizontal one.
        label: of the vertical axis.
        quantity: what it shows, as rows name it.
        what: the rows that the curve goes through.
        spread: what its bars are.
        dotted: whether every run is a dot too.
    """

    axis: SettingAxis
    label: ClassVar[str]
    quantity: ClassVar[str]
    what: ClassVar[str] = "mean"
    spread: ClassVar[str] = "mean ± 1 sd"
    dotted: ClassVar[bool] = True
    limit = CURVES

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
        return f"none of the runs has a {self.label} and a value of {self.axis.column} for all layers"

    @property
    def lacking(self) -> str:
        """No value on one of the axes, or nothing that a curve could connect."""
        return f"no {self.label}, no single {self.axis.column}, or a curve of one point"

    def usable(self, runs: SettingRuns) -> bool:
        """Whether there is a value on both axes."""
        return axis_value(runs.row, self.axis.column) is not None and bool(_there(runs.values[self.columns[0]]).any())

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
                rows += [
                    {"what": "run", **point, self.quantity: value, "sd": None, "runs": 1, "run_ids": [key]}
                    for key, value in zip(keys, values.tolist(), strict=True)
                ]
            rows.append({"what": self.what, **point, **self.point(values), "runs": len(keys), "run_ids": keys})
            total += len(keys)
        return Shown(series, rows, total)

    def point(self, values: Shaped[np.ndarray, " runs"]) -> Row:
        """A point of the curve: mean and sample standard deviation; None for the latter of a single run."""
        sd = float(values.std(ddof=1)) if len(values) > 1 else None
        return {self.quantity: float(values.mean()), "sd": sd}

    def _points(self, series: Series) -> Iterator[tuple[Any, list[str], Shaped[np.ndarray, " runs"]]]:
        """By value on the axis, in increasing order: the runs that have a quantity, and their quantities."""
        by_value: dict[Any, list[SettingRuns]] = {}
        for member in series.members:
            by_value.setdefault(axis_value(member.row, self.axis.column), []).append(member)
        for place in sorted(by_value):
            ids = np.concatenate([np.array(member.ids) for member in by_value[place]])
            values = np.concatenate([member.values[self.columns[0]] for member in by_value[place]])
            kept = np.flatnonzero(_there(values))
            kept = kept[np.argsort(ids[kept])]
            if kept.size:
                yield place, ids[kept].tolist(), values[kept]

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

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A single panel."""
        return layout(1, width, named=self._labels(drawn))

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """The setting against the quantity."""
        (ax,) = panels(container, plan)
        labels, axis = self._labels(drawn), self.axis.column
        between = settings_axis(ax, [row[axis] for row in drawn.of(self.what)], self.axis.log, self.axis.label, plan)
        for i, (label, look) in enumerate(looks_of(labels)):
            runs, points = drawn.of("run", series=label), drawn.of(self.what, series=label)
            faint = {**look, **FAINT}
            single = dots(ax, [row[axis] for row in runs], runs, self.quantity, faint) if self.dotted else []
            through = curve(ax, [row[axis] for row in points], points, self.quantity, look, label)
            dodge(ax, i, len(labels), between, through, *single)
        self.finish(ax, drawn)
        name_axes(container, ax, labels, self.axis.label, self.label)

    def finish(self, ax: Axes, drawn: Drawn) -> None:
        """Lines of theory and the range of the vertical axis; by default none, and matplotlib's."""

    def _labels(self, drawn: Drawn) -> list[str]:
        return list(dict.fromkeys(row["series"] for row in drawn.of(self.what)))


def _there(values: Shaped[np.ndarray, " runs"]) -> Bool[np.ndarray, " runs"]:
    """Which runs have a value: a finite number, or a text."""
    return (
        np.array([value is not None for value in values]) if values.dtype == object else np.asarray(np.isfinite(values))
    )
