"""Where the network is narrow: rank, effective rank and DNC1 along its depth, before and after activation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from nccli.catalogue.runs import CONSTRUCTED_KINDS
from nccli.catalogue.stages import When
from nccli.figures.axes import decades_axis, rank_axis, reference
from nccli.figures.checkpoint_series import asks_for_checkpoints, by_series, is_checkpoint, latest
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.layouts import Layout, layout, panels
from nccli.figures.legends import legend
from nccli.figures.limits import CURVES
from nccli.figures.marks import Look
from nccli.figures.series import Series, each_of
from nccli.figures.statistics import geometric_range, mean_sd
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.figures.style_sheet import GREY, looks
from nccli.figures.text import literal, width_of
from nccli.store import Condition, SettingRuns, select_layers, stack_layers

_QUANTITIES = {"rank": "rank", "effective_rank": "effective rank", "dnc1": "DNC1"}
_LOG = "dnc1"
_STAGES: Mapping[str, Look] = {
    When.POST.value: {"linestyle": "-"},
    When.PRE.value: {"linestyle": (0, (1.2, 1.2)), "markerfacecolor": "white"},
}
"""How a layer after activation and before it are told apart."""

_NAMED_ROOM, _TICK = 0.13, 8.0
"""Inches between names of modules that stand upright, a line of text; points of ticks, as in the style sheet."""


class Bottleneck(StoreFigure):
    """Three panels, in them a curve for each setting and stage; of a series of checkpoints the last."""

    name = "bottleneck"
    any_kind: ClassVar[bool] = True
    averages = True
    limit = CURVES
    nothing = "none of the runs has layers: they diverged"
    lacking = "no layers, or a later checkpoint of their series"

    def select(self, query: Query) -> list[SettingRuns]:
        """The runs by setting; closed forms only where they are asked for."""
        asked = query.selection.ids is not None or query.selection.where
        found = [each for each in super().select(query) if asked or each.row["kind"] not in CONSTRUCTED_KINDS]
        return list(by_series(found, query.selection.where))

    def split(self, usable: Sequence[SettingRuns], options: Any) -> list[Series]:
        """Of every series of checkpoints the last ones, a series for each part of the data."""
        parts = [
            SettingRuns(
                {**each.row, "config": {**each.row["config"], "split": each.row["split"]}}, each.ids, each.values
            )
            if is_checkpoint(each.row)
            else each
            for each in usable
        ]
        found = super().split(parts, options)
        return [Series(each.label, each.settings, latest(each.members)) for each in found]

    def command(self, where: Sequence[Condition], options: Options) -> str:
        """That of trainings; none that makes checkpoints."""
        return "" if asks_for_checkpoints(where) else super().command(where, options)

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """A row for each quantity, layer and stage."""
        for each in series:
            names = _names(query, each)
            rows: list[Row] = []
            ids: list[str] = []
            for column in _QUANTITIES:
                found = stack_layers(query.connection, each.ids, column)
                ids = found.ids
                for stage, values in found.values.items():
                    place = {"what": column, "series": each.label, "layer": stage.layer, "stage": stage.stage}
                    place |= {"name": names.get(stage.layer), "K": each.row["K"], "runs": len(ids), "run_ids": ids}
                    spread = _spread(column, values)
                    rows += [{**place, **spread}] if spread is not None else []
            rows.sort(key=lambda row: (list(_QUANTITIES).index(row["what"]), row["layer"], row["stage"] == "post"))
            yield Shown(each, rows, ids)

    def words(self, found: Collected) -> str:
        """Runs a setting, and what bars are."""
        last = {member.row["step"] for each in found.shown for member in each.series.members} - {None}
        step = f"step {max(last)}" if len(last) == 1 else ""
        return each_of(found.rows, "rank: mean ± 1 sd, DNC1: geometric mean and range", step)

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """Three panels, higher where names of modules stand below them."""
        named = [*(label for label in drawn.series if label), *_stages(drawn)]
        longest = max((width_of(name, _TICK) for name in _ticks(drawn) if not name.isdecimal()), default=0.0)
        return layout(len(_QUANTITIES), width, len(_QUANTITIES), around=0.5 + longest, named=named)

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Layers against each quantity."""
        axes = panels(container, plan)
        stages = _stages(drawn)
        for ax, (column, label) in zip(axes, _QUANTITIES.items(), strict=True):
            for name, look in zip(drawn.series, looks(len(drawn.series), drawn.ordered), strict=True):
                for stage in _STAGES:
                    rows = drawn.of(column, series=name, stage=stage)
                    shown = {**look, **(_STAGES[stage] if stages else {})}
                    if rows:
                        _curve(ax, rows, shown, name if name and stage == When.POST else None)
            _finish(ax, column, label, drawn)
            _layers_axis(ax, _ticks(drawn), plan)
        for stage in stages:
            words = "after activation" if stage == When.POST else "before"
            axes[0].add_line(Line2D([], [], color=GREY, marker="o", label=words, **_STAGES[stage]))
        legend(container, *axes)


def _of_its_part(member: SettingRuns) -> SettingRuns:
    """A checkpoint with the part of the data among its settings."""
    if not is_checkpoint(member.row):
        return member
    row = {**member.row, "config": {**member.row["config"], "split": member.row["split"]}}
    return SettingRuns(row, member.ids, member.values)


def _names(query: Query, series: Series) -> dict[int, str | None]:
    """Of the modules that are layers."""
    found = select_layers(query.connection, series.ids[:1])
    return {layer["layer"]: layer["name"] for layers in found.values() for layer in layers}


def _spread(column: str, values: Any) -> Row | None:
    """Mean and range of a quantity over runs; None where there is no number."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    if column == _LOG:
        centre, low, high = (float(each) for each in geometric_range(finite))
        return None if np.isnan(centre) else {"mean": centre, "low": low, "high": high}
    mean, sd = mean_sd(finite)
    spread = 0.0 if sd is None else float(sd)
    return {"mean": float(mean), "low": float(mean) - spread, "high": float(mean) + spread}


def _stages(drawn: Drawn) -> list[str]:
    """Stages, where there are both."""
    found = set(drawn.values("stage"))
    return list(_STAGES) if len(found) > 1 else []


def _ticks(drawn: Drawn) -> list[str]:
    """Names of the layers from the first on where all series have the same, else their numbers."""
    last = max(row["layer"] for row in drawn.rows)
    names: dict[int, set[str | None]] = {}
    for row in drawn.rows:
        names.setdefault(row["layer"], set()).add(row["name"])
    same = all(len(each) == 1 and None not in each for each in names.values())
    places = range(1, last + 1)
    return [literal(str(*names[place])) if same and place in names else f"{place}" for place in places]


def _curve(ax: Axes, rows: Sequence[Row], look: Look, label: str | None) -> None:
    below, above = ([row["mean"] - row["low"] for row in rows], [row["high"] - row["mean"] for row in rows])
    spread = [[max(0.0, length) for length in side] for side in (below, above)]  # a geometric mean is rounded
    some = any(length > 0 for side in spread for length in side)
    x, y = [row["layer"] for row in rows], [row["mean"] for row in rows]
    ax.errorbar(x, y, yerr=spread if some else None, label=label, elinewidth=0.8, **look)


def _finish(ax: Axes, column: str, label: str, drawn: Drawn) -> None:
    """Scale, label, and a line at the number of classes, which no rank exceeds."""
    ax.set_ylabel(label)
    if column == _LOG:
        if drawn.of(column):
            decades_axis(ax)
        return
    for K in drawn.values("K"):
        reference(ax, K, f"K = {K}")
    rank_axis(ax, [row[end] for row in drawn.of(column) for end in ("mean", "high")] + drawn.values("K"))


def _layers_axis(ax: Axes, names: Sequence[str], plan: Layout) -> None:
    """Numbers of layers; names of modules upright, as many as there is room for, the last in any case."""
    ax.set_xlabel("layer")
    if all(name.isdecimal() for name in names):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        return
    step = 1 + int(_NAMED_ROOM * len(names) / (plan.width / plan.columns - 0.6))
    places = list(range(len(names), 0, -step))[::-1]
    ax.set_xticks(places, [names[place - 1] for place in places], rotation=90)


PLOTS = (Bottleneck(),)
