"""A quantity of every layer along the depth: what such figures have in common."""

from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer

from nccli.catalogue.stages import Stage
from nccli.figures.axes import layers_axis
from nccli.figures.figure import Drawn
from nccli.figures.layouts import Layout
from nccli.figures.marks import Look, curve
from nccli.figures.one_panel import OnePanel
from nccli.figures.series import Series, each_of
from nccli.figures.stages import class_means_symbol, shown_stages
from nccli.figures.statistics import mean_sd
from nccli.figures.store_figure import Collected, Query, Shown
from nccli.figures.text import literal
from nccli.store import select_layers, stack_layers


class ByLayer(OnePanel, ABC):
    """A curve for each setting: mean ± sd over runs of a column of table `layer`, layer by layer.

    Attributes:
        column: of table `layer`.
    """

    column: ClassVar[str]
    averages = True
    x_label = "class means of layer"
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
            names = _names(query, keys)
            rows = []
            for stage in (stage for stage in shown_stages(each.row["L"]) if stage in values):
                mean, sd = mean_sd(values[stage])
                place = {"series": each.label, "layer": stage.layer, "stage": stage.stage, "K": each.row["K"]}
                place |= {"symbol": names.get(stage) or class_means_symbol(stage), self.column: float(mean)}
                spread = {"sd": None if sd is None else float(sd), "runs": len(keys), "run_ids": keys}
                rows.append({"what": self.y_label, **place, **spread})
            yield Shown(each, rows, keys)

    def words(self, found: Collected) -> str:
        """Runs a setting, and what the quantity is."""
        return each_of(found.rows, "mean ± 1 sd", self.small_print)

    def horizontal(self, ax: Axes, drawn: Drawn, plan: Layout) -> float:
        """As much room for every layer."""
        return 72 * plan.width / (len(_symbols(drawn)) + 1)

    def draw_series(self, ax: Axes, drawn: Drawn, label: str, look: Look) -> list[ErrorbarContainer]:
        """A point a layer."""
        rows, symbols = drawn.of(self.y_label, series=label), _symbols(drawn)
        return [curve(ax, [symbols.index(row["symbol"]) for row in rows], rows, self.column, look, label)]

    def finish(self, ax: Axes, drawn: Drawn, plan: Layout) -> None:
        """Layers along the axis."""
        layers_axis(ax, _symbols(drawn), plan)


def _names(query: Query, ids: Sequence[str]) -> dict[Stage, str]:
    """Of the modules that are layers, in somebody's own network; of ours there are none."""
    found = select_layers(query.connection, ids[:1])
    rows = [row for layers in found.values() for row in layers if row["name"]]
    return {Stage(row["layer"], row["stage"]): literal(row["name"]) for row in rows}


def _symbols(drawn: Drawn) -> list[str]:
    """Of the layers of all series, in the order of the network."""
    places = {(row["layer"], row["stage"] == "post"): row["symbol"] for row in drawn.rows}
    return [symbol for _, symbol in sorted(places.items())]
