"""Singular values of the class means of every layer (Súkeník et al. 2024, Figures 2 and 6)."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from nccli.catalogue.stages import Stage
from nccli.catalogue.stages import stages as all_stages
from nccli.figures.figure import Drawn, Row
from nccli.figures.layouts import Layout, layout, panel_title, panels
from nccli.figures.legends import legend
from nccli.figures.limits import MOST_LINES
from nccli.figures.marks import Look
from nccli.figures.series import Series, each_of
from nccli.figures.stages import class_means_symbol, looks_of_layers
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.figures.style_sheet import GREY
from nccli.store import Stacked, stack_spectra

_DECADES = 1e-4
"""Of the largest value, where the axis ends; taste: what training has not brought down yet is seen, rounding is not."""

_BELOW_TOLERANCE = 0.1
"""Of the rank tolerance, which the axis holds with a decade below it; taste."""

_PANEL, _SMALL = 1.6, 1.3
"""Inches of the narrowest panel of a setting, and of a layer; tastes: four layers side by side on a page."""

_SAME = 1e-2
"""Relative difference of singular values that no eye sees on an axis of four decades; taste."""

_AS_POST = "before an inner activation as behind it"


@dataclass(frozen=True)
class Spectra(StoreFigure):
    """σ_i/σ_1 of every run as a thin line, their median on top, and the tolerance of ranks.

    Attributes:
        name: in the catalogue of figures.
        layerwise: of a single setting, a panel for each layer, in it a curve before and behind its activation; else a
            panel for each setting, in it a curve for each layer.
    """

    name: str = "spectra"
    layerwise: bool = False
    heeds: ClassVar[frozenset[str]] = frozenset({"all_runs", "rank_rtol"})
    averages: ClassVar[bool] = True
    nothing: ClassVar[str] = "none of the runs has a spectrum: they diverged or were cut off"
    lacking: ClassVar[str] = "no spectrum"

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """Stored spectra of M_1..M_L and Mt_L, and of inner Mt_l where the activation changes one of them."""
        found = [(each, stack_spectra(query.connection, each.ids)) for each in series]
        told = [(each, spectra, *_stages(each, spectra)) for each, spectra in found]
        apart = {stage for *_, different in told for stage in different}
        for each, spectra, stages, _ in told:
            shown = _shown(each, spectra, stages, apart)
            if shown.rows:
                line = {"what": "rank tolerance", "series": each.label, "ratio": query.options.rank_rtol}
                shown.rows.append({**line, "runs": 0, "run_ids": []})
            yield shown

    def words(self, found: Collected) -> str:
        """Runs a setting, what lines are, and which layers are not shown."""
        rtol = found.options.rank_rtol
        medians = [row for row in found.rows if row["what"] == "median"]
        lines = "a thin line a run, on top the median" if _has_lines(found.rows) else "median of runs"
        edge = f"below {_floor(rtol):g}: on the edge"
        words = each_of(medians, lines, f"dashes: rank tolerance {rtol:g}; {edge}")
        words += "; hollow: before activation" if self.layerwise else ""
        return words + (r"; other $\widetilde{M}_l$: as $M_l$, within 1 %" if _AS_POST in found.traits else "")

    def notes(self, found: Collected) -> list[str]:
        """Runs left out, and those without a line of their own."""
        many = max(row["runs"] for row in found.rows if row["what"] == "median")
        words = f"{many} runs of a setting are too many lines: their medians are drawn"
        return [*super().notes(found), *([words] if many > MOST_LINES else [])]

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A panel a setting, or a layer."""
        if self.layerwise:
            return layout(len(drawn.values("layer")), width, least=_SMALL)
        labels = drawn.values("series")
        return layout(len(labels), width, least=_PANEL, titles=labels, named=drawn.values("symbol"))

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Index against singular value over the largest."""
        axes = panels(container, plan)
        panel = "layer" if self.layerwise else "series"
        rtol = drawn.of("rank tolerance")[0]["ratio"]
        look_of = looks_of_layers(row for row in drawn.rows if "symbol" in row)
        for i, (ax, place) in enumerate(zip(axes, drawn.values(panel), strict=True)):
            ax.set_yscale("log")
            ax.set_ylim(_floor(rtol), 1.6)
            ax.axhline(rtol, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
            for symbol, look in look_of.items():
                runs, median = (drawn.of(what, **{panel: place, "symbol": symbol}) for what in ("run", "median"))
                _draw_curve(ax, runs, median, look, "" if self.layerwise else symbol, _floor(rtol))
            panel_title(ax, f"layer {place}" if self.layerwise else place, plan)
            ax.set_xlabel("index i")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
            ax.tick_params(labelleft=i % plan.columns == 0)  # all panels have the same ends
            if i % plan.columns == 0:
                ax.set_ylabel(r"$\sigma_i\,/\,\sigma_1$")
        legend(container, *axes)


def _floor(rtol: float) -> float:
    """Where the axis ends."""
    return min(_DECADES, _BELOW_TOLERANCE * rtol) if rtol > 0 else _DECADES


def _has_lines(rows: Sequence[Row]) -> bool:
    return any(row["what"] == "run" for row in rows)


def _draw_curve(ax: Axes, runs: Sequence[Row], median: Sequence[Row], look: Look, label: str, floor: float) -> None:
    """Every run as a thin line, and the median."""
    if not median:
        return
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in runs:
        lines.setdefault(row["run_ids"][0], []).append((row["index"], max(row["ratio"], floor)))
    thin = {"colors": look["color"], "linewidths": 0.5, "alpha": 0.35, "zorder": 1.8}
    ax.add_collection(LineCollection(list(lines.values()), **thin))
    ax.plot([row["index"] for row in median], [max(row["ratio"], floor) for row in median], label=label or None, **look)


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
    """The spectra of a setting: of every run where there are not too many, and their median."""
    rows: list[Row] = []
    as_post = [stage for stage in stages if _is_inner_pre(stage, stages) and stage not in apart]
    for stage in (stage for stage in stages if stage not in as_post):
        place: Row = {"series": series.label, "layer": stage.layer, "stage": stage.stage}
        place["symbol"] = class_means_symbol(stage)
        values = spectra.values[stage]
        ratios = over_largest(values)
        for key, own, ratio in zip(spectra.ids, values, ratios, strict=True):
            if len(spectra.ids) <= MOST_LINES:
                rows += [
                    {"what": "run", **place, "index": i + 1, "value": float(own[i]), "ratio": float(ratio[i])}
                    | {"runs": 1, "run_ids": [key]}
                    for i in range(len(own))
                ]
        for i, ratio in enumerate(np.median(ratios, axis=0).tolist() if len(ratios) else []):
            numbers = {"index": i + 1, "value": float(np.median(values[:, i])), "ratio": ratio}
            rows.append({"what": "median", **place, **numbers, "runs": len(spectra.ids), "run_ids": spectra.ids})
    return Shown(series, rows, spectra.ids, traits=frozenset({_AS_POST} if as_post else ()))


def over_largest(values: Float[np.ndarray, "runs K"]) -> Float[np.ndarray, "runs K"]:
    """Singular values over the largest of their run; 0 of a matrix that is zero."""
    largest = values.max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(np.divide(values, largest, out=np.zeros_like(values), where=largest > 0))


PLOTS = (Spectra(),)
