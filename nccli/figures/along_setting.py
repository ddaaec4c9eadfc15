"""Runs along one of their settings, value by value: what such figures have in common."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from nccli.figures.ends import ENDS
from nccli.figures.figure import Options
from nccli.figures.series import Series, Values, each_of, measured, split_series
from nccli.figures.setting_axis import SettingAxis, setting_value, varied_along
from nccli.figures.store_figure import Collected, StoreFigure
from nccli.store import SettingRuns

_NAMED = 2
"""Settings that a caption names of those that are set aside; taste: they fill a line."""


class AlongSetting(StoreFigure, ABC):
    """Series of runs that differ in the setting on the axis.

    Attributes:
        axis: the horizontal one.
        what: the rows that are its points.
        spread: what their bars are.
    """

    axis: SettingAxis
    what: ClassVar[str] = "mean"
    spread: ClassVar[str] = ""

    @property
    @abstractmethod
    def quantity_words(self) -> str:
        """What runs have to have."""

    @property
    def varied(self) -> tuple[str, ...]:
        """What runs along the axis."""
        return varied_along(self.axis)

    @property
    def recipe(self) -> Mapping[str, str]:
        """Several values on the axis."""
        return {"K": "10", "L": "4", "wd": "2e-3", "seed": "0..4", self.axis.column: self.axis.values}

    def reads(self, options: Options) -> tuple[Collection[str], Collection[str] | None]:
        """Columns alone."""
        return (), (*self.columns, *ENDS)

    @property
    def nothing(self) -> str:
        """No value on one of the axes."""
        return f"none of the runs has {self.quantity_words} and a value of {self.axis.column} for all layers"

    @property
    def lacking(self) -> str:
        """No value on one of the axes, or nothing that a curve could connect."""
        return f"no {self.quantity_words.removeprefix('a ')}, or no single {self.axis.column}"

    def usable(self, runs: SettingRuns) -> bool:
        """Whether there is a value on both axes."""
        return setting_value(runs.row, self.axis.column) is not None and super().usable(runs)

    def split(self, usable: Sequence[SettingRuns], options: Options) -> list[Series]:
        """The series; where only curves are wanted or fit, those of several points if there are any."""
        series, axis = super().split(usable, options), self.axis.column
        several = [each for each in series if len({setting_value(member.row, axis) for member in each.members}) > 1]
        few = len(series) <= self.limit.most and not options.curves_only
        if few or not several or len(several) == len(series):
            return series
        return super().split([member for each in several for member in each.members], options)

    def set_aside(self, usable: Sequence[SettingRuns], series: Sequence[Series]) -> tuple[int, str]:
        """Runs of series of one point, and what these are."""
        kept = {key for each in series for member in each.members for key in member.ids}
        aside = [each for each in split_series(usable, self.varied) if kept.isdisjoint(each.ids)]
        names = [each.label for each in aside]
        more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
        runs = sum(len(each.ids) for each in aside)
        return runs, f"set aside as curves of one point: {'; '.join([*names[:_NAMED], *more])}"

    def points(self, series: Series) -> Iterator[tuple[Any, list[str], dict[str, Values]]]:
        """By value on the axis, in increasing order: the runs that have all columns, and their values."""
        by_value: dict[Any, list[SettingRuns]] = {}
        for member in series.members:
            by_value.setdefault(setting_value(member.row, self.axis.column), []).append(member)
        for place in sorted(by_value):
            keys, values = measured(by_value[place], self.columns)
            if keys:
                yield place, keys, values

    def words(self, found: Collected) -> str:
        """Runs a point, and what bars are."""
        points = [row for row in found.rows if row["what"] == self.what]
        return each_of(points, self.spread, self.about(found.series), of="point")

    def about(self, series: Sequence[Series]) -> str:
        """What the quantity is of; "" where its name says it."""
        return ""

    def notes(self, found: Collected) -> list[str]:
        """Runs left out, axes of a single value."""
        axis = self.axis.column
        several = len({row[axis] for row in found.rows if row["what"] == self.what}) > 1
        single = [f"all runs have the same {axis}: the figure has a single point a series"]
        return [*super().notes(found), *([] if several else single)]
