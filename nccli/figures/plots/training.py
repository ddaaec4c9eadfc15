"""Loss, collapse and rank over training (Súkeník et al. 2024, Figure 2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import FigureBase

from nccli.catalogue.runs import TRAINED_KINDS
from nccli.catalogue.stages import stages
from nccli.figures.axes import rank_axis
from nccli.figures.figure import Drawn, Row
from nccli.figures.layouts import Layout, layout, panels, row_title
from nccli.figures.legends import legend
from nccli.figures.limits import MOST_LINES, ROWS
from nccli.figures.losses_over_steps import Window, draw_references, known_losses, losses_axis, window_of
from nccli.figures.over_steps import collapse_axis, curve_rows, draw_band, range_of, steps_axis
from nccli.figures.series import Series, each_of
from nccli.figures.stages import features_symbol, looks_of_layers, shown_stages
from nccli.figures.statistics import geometric_range
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.store import SettingRuns, StackedHistory, stack_history

_EARLY = "some runs ended early"
_OF_LAYERS = ("dnc1", "rank")
_COLOUR = "#0072B2"
"""Of the losses of runs: that of the first series everywhere."""


@dataclass(frozen=True)
class Training(StoreFigure):
    """Three panels for each setting over steps: loss of every run over DNC's with the losses of theory, DNC1, rank.

    Attributes:
        name: in the catalogue of figures.
        ranks: whether there is a panel of ranks.
    """

    name: str = "training"
    ranks: bool = True
    averages: ClassVar[bool] = True
    limit = ROWS
    nothing: ClassVar[str] = "none of the runs has a history: constructions are not trained"
    lacking: ClassVar[str] = "no history"

    def usable(self, runs: SettingRuns) -> bool:
        """Whether they were trained."""
        return runs.row["kind"] in TRAINED_KINDS

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """Histories; a run that ended early keeps its last values. Ranks are those taken while training."""
        for each in series:
            histories = stack_history(query.connection, each.ids)
            if histories.ids:
                early = bool((histories.last < histories.steps.max(initial=0)).any())
                rows = self._rows(each, histories)
                yield Shown(each, rows, histories.ids, traits=frozenset({_EARLY} if early else ()))

    def _rows(self, series: Series, histories: StackedHistory) -> list[Row]:
        L = series.row["L"]
        rows = _loss_rows(series, histories)
        place = {"series": series.label, "runs": len(histories.ids), "run_ids": histories.ids}
        for stage in shown_stages(L):
            where = {**place, "layer": stage.layer, "stage": stage.stage, "symbol": features_symbol(stage)}
            dnc1, rank = (each[..., stages(L).index(stage)] for each in (histories.dnc1, histories.rank))
            rows += curve_rows({"what": "dnc1", **where}, histories.steps, *geometric_range(dnc1))
            if self.ranks:
                rows += curve_rows({"what": "rank", **where}, histories.steps, *range_of(rank))
        return rows

    def words(self, found: Collected) -> str:
        """Runs a setting, what lines and bands are, and what is not seen."""
        single = any(row["what"] == "run" for row in found.rows)
        spread = "loss: a thin line a run" if single else "loss: median and range"
        rest = []
        if any(row["what"] == "dnc1" for row in found.rows):
            spread += "; DNC1: geometric mean and range"
        else:
            rest.append("DNC1: 0, one sample a class")
        spread += "; rank: mean and range" if self.ranks else ""
        if _EARLY in found.traits:
            rest.append("runs that ended early keep their last values")
        counted = [row for row in found.rows if row["what"] in _OF_LAYERS] or found.rows
        return each_of(counted, spread, "; ".join(rest))

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """Panels of a setting side by side; without DNC1 where every run has one sample a class, so that it is 0."""
        labels, columns = drawn.values("series"), self.columns_of(drawn)
        titles = [label for label in labels if label]
        return layout(columns * len(labels), width, columns, titles=titles, named=_symbols(drawn))

    def columns_of(self, drawn: Drawn) -> int:
        """Panels of a setting."""
        return 1 + bool(drawn.of("dnc1")) + self.ranks

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Steps against loss, DNC1 and rank."""
        labels, columns = drawn.values("series"), self.columns_of(drawn)
        axes = panels(container, plan)
        layers = [row for row in drawn.rows if row["what"] in _OF_LAYERS]
        for position, label in enumerate(labels):
            own = axes[columns * position : columns * (position + 1)]
            loss, rank = own[0], own[-1] if self.ranks else None
            seen = window_of(drawn, label)
            _draw_losses(loss, drawn, label, seen)
            collapse = own[1] if drawn.of("dnc1") else None
            for symbol, look in looks_of_layers(layers).items():
                for ax, what in ((collapse, "dnc1"), (rank, "rank")):
                    if ax is not None:
                        draw_band(ax, drawn.of(what, series=label, symbol=symbol), look, symbol)
            row_title(own, label, plan)
            if collapse is not None:
                collapse.set_visible(bool(drawn.of("dnc1", series=label)))
                steps_axis(collapse, "DNC1", seen.last)
                collapse_axis(collapse)
            if rank is not None:
                rows = drawn.of("rank", series=label)
                steps_axis(rank, "rank", seen.last, first=seen.first)
                rank_axis(rank, [row[end] for row in rows for end in ("low", "high") if row["step"] >= seen.first])
        legend(container, *axes)


def _draw_losses(ax: Axes, drawn: Drawn, label: str, seen: Window) -> None:
    """Losses of runs, and the lines of theory."""
    runs: dict[str, list[tuple[float, float]]] = {}
    for row in drawn.of("run", series=label):
        runs.setdefault(row["run_ids"][0], []).append((row["step"], row["mean"]))
    ax.add_collection(LineCollection(list(runs.values()), colors=_COLOUR, linewidths=0.6, alpha=0.7))
    if drawn.of("loss", series=label):
        draw_band(ax, drawn.of("loss", series=label), {"color": _COLOUR}, "")
    draw_references(ax, drawn.of("reference", series=label), seen)
    losses_axis(ax, seen)


def _symbols(drawn: Drawn) -> list[str]:
    return list(dict.fromkeys(row["symbol"] for row in drawn.rows if row["what"] in _OF_LAYERS))


def _loss_rows(series: Series, histories: StackedHistory) -> list[Row]:
    """Losses over that of DNC where theory applies, of every run if there are not too many; and the known ones."""
    known = known_losses(series.row)
    unit = known.get("DNC", 1.0)
    empty: Row = {"series": series.label, "layer": None, "stage": None}
    rows: list[Row] = []
    for name, value in known.items():
        level = {"step": None, "loss": value, "mean": value / unit, "low": value / unit, "high": value / unit}
        rows.append({"what": "reference", **empty, "symbol": name, "runs": 0, "run_ids": [], **level})
    if len(histories.ids) > MOST_LINES:
        place = {"what": "loss", **empty, "symbol": "loss", "runs": len(histories.ids), "run_ids": histories.ids}
        ratios = histories.loss / unit
        return rows + curve_rows(
            place, histories.steps, np.median(ratios, axis=0), ratios.min(axis=0), ratios.max(axis=0)
        )
    steps = histories.steps.tolist()
    for key, last, losses in zip(histories.ids, histories.last.tolist(), histories.loss.tolist(), strict=True):
        place = {"what": "run", **empty, "symbol": "loss", "runs": 1, "run_ids": [key]}
        rows += [
            {**place, "step": step, "loss": loss, "mean": loss / unit, "low": loss / unit, "high": loss / unit}
            for step, loss in zip(steps, losses, strict=True)
            if step <= last
        ]
    return rows


PLOTS = (Training(),)
