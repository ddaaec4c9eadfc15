"""A quantity of every layer along the depth: what such figures have in common."""

from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from nccli.catalogue.stages import Stage
from nccli.figures.axes import dodge, layers_axis
from nccli.figures.figure import Drawn
from nccli.figures.layouts import Layout, panels
from nccli.figures.limits import CURVES
from nccli.figures.marks import curve, looks_of, name_axes
from nccli.figures.series import Series, each_of
from nccli.figures.stages import class_means_symbol, shown_stages
from nccli.figures.statistics import mean_sd
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.store import stack_layers


class ByLayer(StoreFigure, ABC):
    """A curve for each setting: mean ± sd over runs of a column of table `layer`, layer by layer.

    Attributes:
        column: of table `layer`.
        label: of the vertical axis.
        about: how the quantity is defined, for the caption.
    """

    column: ClassVar[str]
    label: ClassVar[str]
    about: ClassVar[str] = ""
    limit = CURVES
    nothing = "none of the runs has layers: they diverged"
    lacking = "no layers"

    def values(self, query: Query, series: Series) -> tuple[list[str], Mapping[Stage, Float[np.ndarray, " runs"]]]:
        """Runs that have layers, and their quantity by stage."""
        found = stack_layers(query.connection, series.ids, self.column)
        return found.ids, found.values

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """A point a layer."""
        for each in series:
            keys, values = self.values(query, each)
            rows = []
            for stage in (stage for stage in shown_stages(each.row["L"]) if stage in values):
                mean, sd = mean_sd(values[stage])
                place = {"series": each.label, "layer": stage.layer, "stage": stage.stage, "K": each.row["K"]}
                place |= {"symbol": class_means_symbol(stage), self.column: float(mean)}
                spread = {"sd": None if sd is None else float(sd), "runs": len(keys), "run_ids": keys}
                rows.append({"what": self.label, **place, **spread})
            yield Shown(each, rows, len(keys))

    def words(self, found: Collected) -> str:
        """Runs a setting, and what the quantity is."""
        return each_of(found.rows, "mean ± 1 sd", self.about)

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Layers against the quantity."""
        (ax,) = panels(container, plan)
        labels = drawn.values("series")
        places = sorted({(row["layer"], row["stage"] == "post"): row["symbol"] for row in drawn.rows}.items())
        position = {symbol: i for i, (_, symbol) in enumerate(places)}
        for i, (label, look) in enumerate(looks_of(labels)):
            rows = drawn.of(self.label, series=label)
            through = curve(ax, [position[row["symbol"]] for row in rows], rows, self.column, look, label)
            dodge(ax, i, len(labels), 72 * plan.width / (len(places) + 1), through)
        layers_axis(ax, list(position), plan)
        self.finish(ax, drawn)
        name_axes(container, ax, labels, "class means of layer", self.label)

    def finish(self, ax: Axes, drawn: Drawn) -> None:
        """Lines of theory and the range of the vertical axis; by default none, and matplotlib's."""
