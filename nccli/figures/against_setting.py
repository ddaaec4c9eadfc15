"""A quantity of runs against one of their settings: what such figures have in common."""

from abc import ABC
from collections.abc import Iterator, Sequence
from typing import ClassVar

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from nccli.figures.along_setting import AlongSetting
from nccli.figures.figure import Drawn, Row
from nccli.figures.layouts import Layout
from nccli.figures.limits import MOST_DOTS
from nccli.figures.marks import Look, counted_dots, curve
from nccli.figures.one_panel import OnePanel
from nccli.figures.series import Series, Values, outcomes_of, run_rows
from nccli.figures.setting_ticks import settings_axis
from nccli.figures.store_figure import Collected, Query, Shown


class AgainstSetting(AlongSetting, OnePanel, ABC):
    """A curve for each setting: mean ± sd over runs of the first of the columns, and every run as a dot.

    Attributes:
        quantity: what it shows, as rows name it.
    """

    quantity: ClassVar[str]
    spread = "mean ± 1 sd"

    @property
    def x_label(self) -> str:
        """Of the axis."""
        return self.axis.label

    @property
    def quantity_words(self) -> str:
        """As on the vertical axis."""
        return f"a {self.y_label}"

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """Points of curves, and every run where they are not too many for that."""
        few = sum(len(each.ids) for each in series) <= MOST_DOTS
        return (self._shown(each, few) for each in series)

    def _shown(self, series: Series, dotted: bool) -> Shown:
        rows: list[Row] = []
        ids: list[str] = []
        for place, keys, columns in self.points(series):
            point, values = {"series": series.label, self.axis.column: place}, columns[self.columns[0]]
            if dotted:
                each = {self.quantity: values.tolist(), "outcome": outcomes_of(series.members, keys)}
                rows += run_rows(point, keys, each, sd=None, runs=1)
            rows.append({"what": self.what, **point, **self.point(values), "runs": len(keys), "run_ids": keys})
            ids += keys
        return Shown(series, rows, ids)

    def point(self, values: Values) -> Row:
        """A point of the curve: mean and sample standard deviation; None for the latter of a single run."""
        sd = float(values.std(ddof=1)) if len(values) > 1 else None
        return {self.quantity: float(values.mean()), "sd": sd}

    def notes(self, found: Collected) -> list[str]:
        """Runs left out, axes of a single value, runs without dots."""
        dotted = any(row["what"] == "run" for row in found.rows)
        many = f"{found.runs} runs are too many dots: only their means are drawn"
        return [*super().notes(found), *([] if dotted else [many])]

    def horizontal(self, ax: Axes, drawn: Drawn, plan: Layout) -> float:
        """Ticks at the settings."""
        places = [row[self.axis.column] for row in drawn.of(self.what)]
        return settings_axis(ax, places, self.axis.log, self.axis.label, plan)

    def draw_series(self, ax: Axes, drawn: Drawn, label: str, look: Look) -> list[Artist | ErrorbarContainer]:
        """The curve, and runs behind it."""
        runs, points = drawn.of("run", series=label), drawn.of(self.what, series=label)
        places, values = ([row[name] for row in runs] for name in (self.axis.column, self.quantity))
        single = [counted_dots(ax, places, values, look)] if runs else []
        return [curve(ax, [row[self.axis.column] for row in points], points, self.quantity, look, label), *single]
