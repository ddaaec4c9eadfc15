"""Effective rank of the class means by layer (Súkeník et al. 2024, Figure 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures.axes import dodge, reference
from nccli.figures.figure import Drawn, Options, Row, StoreFigure
from nccli.figures.layouts import Layout, layout, legend, panels
from nccli.figures.series import describe, each_of, split_series
from nccli.figures.stages import class_means_symbol, require_curves, shown_stages
from nccli.figures.statistics import mean_sd
from nccli.figures.style_sheet import looks
from nccli.store import Selection, select_settings, stack_layers

_TICK = 0.22
"""Inches that the symbol of a layer takes."""


@dataclass(frozen=True)
class EffectiveRank(StoreFigure):
    """A curve for each setting: mean ± sd over runs of exp(entropy of the spectrum), layer by layer."""

    name: str = "effective-rank"
    summary: str = "effective rank of the class means by layer, mean ± sd over runs"
    recipe: Mapping[str, str] = field(default_factory=lambda: {"K": "10", "L": "4", "wd": "4e-3", "seed": "0..9"})

    def collect(self, connection: Connection, selection: Selection, options: Options) -> Drawn:
        """Stored effective ranks of M_1..M_L and Mt_L, 0 where all is zero: there the spectrum is rounding."""
        series = split_series(select_settings(connection, selection))
        require_curves(series, self.name, connection, selection)
        rows: list[Row] = []
        shown = 0
        for each in series:
            found, ranks = (stack_layers(connection, each.ids, name) for name in ("effective_rank", "rank"))
            shown += len(found.ids)
            runs = {"runs": len(found.ids), "run_ids": found.ids}
            for stage in (stage for stage in shown_stages(each.row["L"]) if stage in found.values):
                mean, sd = mean_sd(np.where(ranks.values[stage] > 0, found.values[stage], 0.0))
                place = {"series": each.label, "layer": stage.layer, "stage": stage.stage, "K": each.row["K"]}
                place |= {"symbol": class_means_symbol(stage), "effective_rank": float(mean)}
                rows.append({"what": "effective rank", **place, "sd": None if sd is None else float(sd), **runs})
        if not rows:
            raise NothingFoundError("none of the runs has layers: they diverged")
        left_out = sum(len(each.ids) for each in series) - shown
        notes = (f"{left_out} runs left out: no layers",) if left_out else ()
        return Drawn(rows, describe(series, shown, each_of(rows, "mean ± 1 sd", "exp(entropy of s/Σs)")), notes)

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A single panel."""
        return layout(1, width, named=drawn.values("series"))

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Layers against effective rank."""
        (ax,) = panels(container, plan)
        labels = drawn.values("series")
        places = sorted({(row["layer"], row["stage"] == "post"): row["symbol"] for row in drawn.rows}.items())
        position = {symbol: i for i, (_, symbol) in enumerate(places)}
        for i, (label, look) in enumerate(zip(labels, looks(len(labels)), strict=True)):
            rows = drawn.of("effective rank", series=label)
            curve = ax.errorbar(
                [position[row["symbol"]] for row in rows],
                [row["effective_rank"] for row in rows],
                yerr=[row["sd"] or 0.0 for row in rows],
                label=label,
                elinewidth=0.8,
                **look,
            )
            dodge(ax, i, len(labels), 72 * plan.width / (len(places) + 1), curve)
        step = 1 + int(_TICK * len(places) / plan.width)
        ax.set_xticks(range(0, len(places), step), [symbol for _, symbol in places][::step])
        for K in drawn.values("K"):
            reference(ax, K, f"K = {K}")
        ax.yaxis.set_major_locator(MaxNLocator(nbins=6))
        ax.set_ylim(0, 1.08 * max(*drawn.values("K"), *drawn.values("effective_rank")))
        ax.set_xlabel("class means of layer")
        ax.set_ylabel("effective rank")
        if len(labels) > 1:
            legend(container, ax)
