"""Singular values of the class means of every layer (Súkeník et al. 2024, Figures 2 and 6)."""

from collections.abc import Container, Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from nccli.catalogue.stages import Stage
from nccli.catalogue.stages import stages as all_stages
from nccli.figures.figure import Drawn, Row
from nccli.figures.layouts import Layout, layout, legend, panel_title, panels
from nccli.figures.series import Series, each_of
from nccli.figures.stages import class_means_symbol
from nccli.figures.statistics import mean_sd
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.figures.style_sheet import looks
from nccli.store import Stacked, stack_spectra

_DECADES = 1e-4
"""Of the largest value, where the axis ends; taste: what training has not brought down yet is seen, rounding is not."""

_SAME = 1e-2
"""Relative difference of singular values that no eye sees on an axis of four decades; taste."""

_AS_POST = "before an inner activation as behind it"


class Spectra(StoreFigure):
    """A panel for each setting, in it a curve for each layer: mean ± sd over runs of every singular value."""

    name = "spectra"
    averages = True
    nothing = "none of the runs has a spectrum: they diverged or were cut off"
    lacking = "no spectrum"

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """Stored spectra of M_1..M_L and Mt_L, and of inner Mt_l where the activation changes one of them."""
        found = [(each, stack_spectra(query.connection, each.ids)) for each in series]
        told = [(each, spectra, *_stages(each, spectra)) for each, spectra in found]
        apart = {stage for *_, different in told for stage in different}
        return (_shown(each, spectra, stages, apart) for each, spectra, stages, _ in told)

    def words(self, found: Collected) -> str:
        """Runs a setting, and which layers are not shown."""
        words = each_of(found.rows, "mean ± 1 sd", "below 1e-4 of the largest value: on the edge")
        return words + (r"; other $\widetilde{M}_l$: as $M_l$, within 1 %" if _AS_POST in found.traits else "")

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A panel a setting."""
        labels = drawn.values("series")
        return layout(len(labels), width, titles=labels, named=drawn.values("symbol"))

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Index against singular value."""
        labels = drawn.values("series")
        axes = panels(container, plan)
        stages = drawn.values("symbol")
        top = max(row["value"] + (row["sd"] or 0.0) for row in drawn.rows) or 1.0
        for i, (ax, label) in enumerate(zip(axes, labels, strict=True)):
            ax.set_yscale("log")
            ax.set_ylim(_DECADES * top, 2 * top)
            for symbol, look in zip(stages, looks(len(stages)), strict=True):
                _draw_curve(ax, drawn.of("singular value", series=label, symbol=symbol), symbol, look, _DECADES * top)
            panel_title(ax, label, plan)
            ax.set_xlabel("index")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
            if i % plan.columns == 0:
                ax.set_ylabel("singular value")
        legend(container, *axes)


def _draw_curve(ax: Axes, rows: Sequence[Row], symbol: str, look: dict[str, object], floor: float) -> None:
    if rows:
        ax.errorbar(
            [row["index"] for row in rows],
            [max(row["value"], floor) for row in rows],
            yerr=[
                [min(row["sd"] or 0.0, max(row["value"] - floor, 0.0)) for row in rows],
                [(row["sd"] or 0.0) if row["value"] > floor else 0.0 for row in rows],
            ],
            label=symbol,
            elinewidth=0.8,
            **look,  # type: ignore[arg-type]  # errorbar's keywords are typed one by one
        )


def _stages(series: Series, spectra: Stacked) -> tuple[list[Stage], set[Stage]]:
    """All stages, and those before an inner activation whose spectra it changes."""
    stages = [stage for stage in all_stages(series.row["L"]) if stage in spectra.values]
    different = set()
    for stage in stages:
        if _is_inner_pre(stage, stages):
            pre, post = spectra.values[stage].mean(axis=0), spectra.values[Stage(stage.layer, "post")].mean(axis=0)
            shown = np.maximum((pre, post), _DECADES * max(pre.max(), post.max()))
            if (np.abs(shown[0] - shown[1]) > _SAME * shown[1]).any():
                different.add(stage)
    return stages, different


def _is_inner_pre(stage: Stage, stages: Sequence[Stage]) -> bool:
    return stage.stage == "pre" and stage.layer < stages[-1].layer


def _shown(series: Series, spectra: Stacked, stages: Sequence[Stage], apart: Container[Stage]) -> Shown:
    rows: list[Row] = []
    as_post = [stage for stage in stages if _is_inner_pre(stage, stages) and stage not in apart]
    for stage in (stage for stage in stages if stage not in as_post):
        place: Row = {"what": "singular value", "series": series.label, "layer": stage.layer, "stage": stage.stage}
        place["symbol"] = class_means_symbol(stage)
        means, sds = mean_sd(spectra.values[stage])
        runs = {"runs": len(spectra.ids), "run_ids": spectra.ids}
        rows += [
            {**place, "index": i + 1, "value": float(mean), "sd": None if sds is None else float(sds[i]), **runs}
            for i, mean in enumerate(means)
        ]
    return Shown(series, rows, spectra.ids, traits=frozenset({_AS_POST} if as_post else ()))


PLOTS = (Spectra(),)
