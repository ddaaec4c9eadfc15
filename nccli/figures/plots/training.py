"""Loss, collapse and rank over training (Súkeník et al. 2024, Figure 2)."""

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import LogLocator, NullLocator

from nccli.catalogue.runs import TRAINED_KINDS
from nccli.catalogue.stages import stages
from nccli.figures.axes import rank_axis, reference
from nccli.figures.figure import Drawn, Row
from nccli.figures.layouts import Layout, layout, legend, panels, row_title
from nccli.figures.limits import ROWS
from nccli.figures.over_steps import band_of, collapse_axis, curve_rows, draw_band, steps_axis
from nccli.figures.series import Series, each_of
from nccli.figures.stages import features_symbol, shown_stages
from nccli.figures.statistics import geometric_range
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.figures.style_sheet import looks
from nccli.store import SettingRuns, StackedHistory, stack_history

_FEW_DECADES = 1e3
"""Ratio of losses below which ticks between the decades have room; taste."""

_EARLY = "some runs ended early"


class Training(StoreFigure):
    """Three panels for each setting: loss with the DNC and SRG lines, DNC1 by layer, rank by layer, over steps."""

    name = "training"
    averages = True
    limit = ROWS
    nothing = "none of the runs has a history: constructions are not trained"
    lacking = "no history"

    def usable(self, runs: SettingRuns) -> bool:
        """Whether they were trained."""
        return runs.row["kind"] in TRAINED_KINDS

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """Histories; a run that ended early keeps its last values. Ranks are those taken while training."""
        for each in series:
            histories = stack_history(query.connection, each.ids)
            if histories.ids:
                early = bool((histories.last < histories.steps.max(initial=0)).any())
                rows = _series_rows(each, histories)
                yield Shown(each, rows, histories.ids, traits=frozenset({_EARLY} if early else ()))

    def words(self, found: Collected) -> str:
        """Runs a setting, what bands are, and what is not seen."""
        spread, rest = "loss, fit, reg, rank: mean ± 1 sd", []
        if any(row["what"] == "dnc1" for row in found.rows):
            spread += "; DNC1: geometric mean and range"
        else:
            rest.append("DNC1: 0, one sample a class")
        bottoms = {each.label: _bottom(found.rows, each.label) for each in found.series}
        losses = (row for row in found.rows if row["what"] in ("fit", "reg"))
        below = sorted({row["what"] for row in losses if row["mean"] < bottoms[row["series"]]})
        if below:
            rest.append(f"{' and '.join(below)} below the axis in part")
        if _EARLY in found.traits:
            rest.append("runs that ended early keep their last values")
        return each_of(found.rows, spread, "; ".join(rest))

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """Three panels a setting; two where every run has one sample a class, so that DNC1 is 0."""
        labels, columns = drawn.values("series"), 3 if drawn.of("dnc1") else 2
        titles = [label for label in labels if label]
        return layout(columns * len(labels), width, columns, titles=titles, named=_symbols(drawn))

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Steps, log-scaled, against loss, DNC1 and rank."""
        labels = drawn.values("series")
        axes = panels(container, plan)
        symbols = _symbols(drawn)
        for position, label in enumerate(labels):
            columns = plan.count // len(labels)
            loss, *collapse, rank = axes[columns * position : columns * (position + 1)]
            _draw_losses(loss, drawn, label)
            for symbol, look in zip(symbols, looks(len(symbols)), strict=True):
                for ax in collapse:
                    draw_band(ax, drawn.of("dnc1", series=label, symbol=symbol), look, symbol)
                draw_band(rank, drawn.of("rank", series=label, symbol=symbol), look, symbol)
            row_title([loss, *collapse, rank], label, plan)
            last = max(row["step"] for row in drawn.of("loss", series=label))
            steps_axis(loss, "loss", last)
            for ax in collapse:
                steps_axis(ax, "DNC1", last)
                collapse_axis(ax)
            steps_axis(rank, "rank", last)
            rank_axis(rank, [row[end] for row in drawn.of("rank", series=label) for end in ("mean", "high")])
        legend(container, axes[plan.count // len(labels) - 1])


def _draw_losses(ax: Axes, drawn: Drawn, label: str) -> None:
    """Loss with its band, fit and reg, and the lines of theory."""
    for what, look in zip(("loss", "fit", "reg"), looks(8)[5:], strict=True):
        draw_band(
            ax, drawn.of(what, series=label), {**look, "linestyle": {"loss": "-", "fit": ":", "reg": "--"}[what]}, what
        )
    references = drawn.of("reference", series=label)
    for row in references:
        reference(
            ax, row["mean"], row["symbol"], first=row["symbol"] == "DNC", side=1 if row["symbol"] == "DNC" else -1
        )
    losses = [row["mean"] for row in drawn.of("loss", series=label)]
    ax.set_yscale("log")
    ax.set_ylim(_bottom(drawn.rows, label), 1.3 * max(losses))
    few = max(losses) < _FEW_DECADES * _bottom(drawn.rows, label)
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.legend(loc="best", fontsize=6.5, handlelength=1.8, borderaxespad=0.0, labelspacing=0.15)


def _bottom(rows: Sequence[Row], label: str) -> float:
    """Of the axis of losses: the gap between loss and theory is what it is for, and the fit falls by decades."""
    shown = [row["mean"] for row in rows if row["series"] == label and row["what"] in ("loss", "reference")]
    return 0.7 * float(min(shown))


def _symbols(drawn: Drawn) -> list[str]:
    return list(dict.fromkeys(row["symbol"] for row in drawn.of("rank")))


def _series_rows(series: Series, histories: StackedHistory) -> list[Row]:
    L = series.row["L"]
    place = {"series": series.label, "runs": len(histories.ids), "run_ids": histories.ids}
    first = series.row
    comparable = first["kind"] != "e2e" or first["config"].get("reg") == "dufm"
    rows: list[Row] = []
    for name, value in (("DNC", first["loss_dnc"]), ("SRG", first["loss_srg"])):
        if value is not None and comparable:
            empty = {"layer": None, "stage": None, "symbol": name, "step": None, "low": value, "high": value}
            rows.append({"what": "reference", **place, **empty, "mean": value})
    for what, losses in (("loss", histories.loss), ("fit", histories.fit), ("reg", histories.reg)):
        where = {"what": what, **place, "layer": None, "stage": None, "symbol": what}
        rows += curve_rows(where, histories.steps, *band_of(losses))
    for stage in shown_stages(L):
        where = {**place, "layer": stage.layer, "stage": stage.stage, "symbol": features_symbol(stage)}
        position = stages(L).index(stage)
        rows += curve_rows({"what": "dnc1", **where}, histories.steps, *geometric_range(histories.dnc1[..., position]))
        rows += curve_rows({"what": "rank", **where}, histories.steps, *band_of(histories.rank[..., position]))
    return rows


PLOTS = (Training(),)
