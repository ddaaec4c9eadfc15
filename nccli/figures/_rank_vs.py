"""Mean rank of the hidden layers against one setting (Súkeník et al. 2024, Figures 3, 9 and 10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures._figure import Drawn, Options, Row, StoreFigure
from nccli.figures._series import Series, axis_value, describe, each_of, split_series
from nccli.figures._stages import MOST_CURVES, MOST_DOTS, require_curves
from nccli.figures._style import Layout, dodge, layout, legend, looks, panels, reference
from nccli.metrics import RANK_RTOL
from nccli.store import Selection, SettingRuns, problem_of, select_hidden_ranks, select_settings
from nccli.theory import srg_rank

_MOST_TICKS = 8


@dataclass(frozen=True)
class RankVs(StoreFigure):
    """A curve for each setting: mean ± sd over runs of the mean rank of M_2..M_{L−1}, and every run as a dot.

    Attributes:
        axis: column of table `run` along the horizontal axis.
        label: of that axis.
        log: whether it is logarithmic.
        name, summary, recipe: as of every figure.
    """

    axis: str
    label: str
    log: bool
    name: str
    summary: str
    recipe: Mapping[str, str]

    def collect(self, connection: Connection, selection: Selection, options: Options) -> Drawn:
        """Ranks of the runs that have hidden layers and a value on the axis."""
        found = select_settings(connection, selection, ("mean_hidden_rank",))
        if options.rank_rtol != RANK_RTOL:
            found = _at_tolerance(found, select_hidden_ranks(connection, selection, options.rank_rtol))
        usable = [
            each
            for each in found
            if axis_value(each.row, self.axis) is not None and np.isfinite(each.values["mean_hidden_rank"]).any()
        ]
        if not usable:
            raise NothingFoundError(f"none of the runs has hidden ranks and a value of {self.axis} for all layers")
        series = curves(split_series(usable, (self.axis,)), self.axis, options)
        require_curves(series, self.name, connection, selection, self.axis)
        total = sum(len(member.ids) for each in series for member in each.members)
        rows = [row for each in series for row in self._series_rows(each, dots=total <= MOST_DOTS)]
        counts = [row["runs"] for row in rows if row["what"] == "mean"]
        extra = each_of((row for row in rows if row["what"] == "mean"), "mean ± 1 sd", "point")
        rows += self._reference_rows([member for each in series for member in each.members])
        left_out = sum(len(each.ids) for each in found) - sum(counts)
        notes = (
            [f"{left_out} runs left out: no ranks, no single {self.axis}, or a curve of one point"] if left_out else []
        )
        if len({axis_value(each.row, self.axis) for each in usable}) == 1:
            notes.append(f"all runs have the same {self.axis}: the figure has a single point a series")
        if total > MOST_DOTS:
            notes.append(f"{sum(counts)} runs are too many dots: only their means are drawn")
        return Drawn(rows, describe(series, extra), tuple(notes))

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A single panel."""
        return layout(1, width, named=_labels(drawn))

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """The setting against rank."""
        (ax,) = panels(container, plan)
        labels = _labels(drawn)
        set_axis(ax, sorted({row[self.axis] for row in drawn.of("mean")}), self.log, self.label)
        for i, (label, look) in enumerate(zip(labels, looks(len(labels)), strict=True)):
            points, means = drawn.of("run", series=label), drawn.of("mean", series=label)
            dots = ax.plot(
                [p[self.axis] for p in points],
                [p["mean_rank"] for p in points],
                **{**look, "linestyle": "", "markersize": 2.5, "alpha": 0.35, "markeredgewidth": 0},
            )
            curve = ax.errorbar(
                [m[self.axis] for m in means],
                [m["mean_rank"] for m in means],
                yerr=[m["sd"] or 0.0 for m in means],
                label=label,
                elinewidth=0.8,
                **look,
            )
            dodge(ax, i, len(labels), curve, *dots)
        self._draw_references(ax, drawn)
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        ax.set_ylim(bottom=0, top=max([row["mean_rank"] for row in drawn.rows]) * 1.08)
        ax.set_ylabel("mean rank of layers 2 to L−1")
        if len(labels) > 1:
            legend(container, ax)

    def _draw_references(self, ax: Axes, drawn: Drawn) -> None:
        for what in ("dnc", "srg"):
            rows = drawn.of(what)
            if self.axis in ("K", "L") and len({row[self.axis] for row in rows}) > 1:
                look: dict[str, Any] = {
                    "color": "0.35",
                    "linewidth": 0.8,
                    "linestyle": (0, (4, 2)) if what == "dnc" else (0, (1.2, 1.6)),
                }
                ordered = sorted(rows, key=lambda row: row[self.axis])
                ax.plot([row[self.axis] for row in ordered], [row["mean_rank"] for row in ordered], zorder=1, **look)
                last = ordered[-1]
                ax.annotate(
                    what.upper(),
                    (last[self.axis], last["mean_rank"]),
                    (3, 0),
                    textcoords="offset points",
                    fontsize=7.5,
                    color="0.35",
                    va="center",
                )
                continue
            for row in {(row["series"], row["mean_rank"]): row for row in rows}.values():
                shared = what == "dnc" and row["mean_rank"] in {srg["mean_rank"] for srg in drawn.of("srg")}
                if what == "dnc" or row["mean_rank"] not in {dnc["mean_rank"] for dnc in drawn.of("dnc")}:
                    label = row["series"].replace("DNC", "DNC, SRG") if shared else row["series"]
                    reference(ax, row["mean_rank"], label, first=what == "dnc")

    def _series_rows(self, series: Series, dots: bool) -> list[Row]:
        by_value: dict[float, list[SettingRuns]] = {}
        for member in series.members:
            by_value.setdefault(axis_value(member.row, self.axis), []).append(member)
        rows: list[Row] = []
        for value in sorted(by_value):
            ids = np.concatenate([np.array(member.ids) for member in by_value[value]])
            ranks = np.concatenate([member.values["mean_hidden_rank"] for member in by_value[value]])
            kept = np.flatnonzero(np.isfinite(ranks))
            kept = kept[np.argsort(ids[kept])]
            keys, values = ids[kept].tolist(), ranks[kept]
            if not keys:
                continue
            point = {"series": series.label, self.axis: value}
            if dots:
                rows += [
                    {"what": "run", **point, "mean_rank": rank, "sd": None, "runs": 1, "run_ids": [key]}
                    for key, rank in zip(keys, values.tolist(), strict=True)
                ]
            sd = float(values.std(ddof=1)) if len(keys) > 1 else None
            summary = {"mean_rank": float(values.mean()), "sd": sd, "runs": len(keys), "run_ids": keys}
            rows.append({"what": "mean", **point, **summary})
        return rows

    def _reference_rows(self, settings: Sequence[SettingRuns]) -> list[Row]:
        """Ranks of the DNC solution and of the SRG solution that is best for the runs' own problems."""
        rows: dict[tuple[str, int, float, float | None], Row] = {}
        several = len({each.row["K"] for each in settings}) > 1
        for each in settings:
            problem = problem_of(each.row)
            place = axis_value(each.row, self.axis) if self.axis in ("K", "L") else None
            K, srg = each.row["K"], None if problem is None else srg_rank(problem)
            for what, rank in (("dnc", K), ("srg", srg)):
                if rank is not None:
                    label = what.upper() + (f", K = {K}" if several else "")
                    row = {"what": what, "series": label, self.axis: place, "mean_rank": float(rank)}
                    rows[what, K, rank, place] = {**row, "sd": None, "runs": 0, "run_ids": []}
        return [rows[key] for key in sorted(rows, key=lambda key: (key[0], key[1], key[2], key[3] or 0))]


def _labels(drawn: Drawn) -> list[str]:
    return list(dict.fromkeys(row["series"] for row in drawn.of("mean")))


def curves(series: list[Series], axis: str, options: Options) -> list[Series]:
    """The series; where only curves are wanted or fit, those of several points if there are any."""
    several = [each for each in series if len({axis_value(member.row, axis) for member in each.members}) > 1]
    if not several or len(several) == len(series) or not (options.curves_only or len(series) > MOST_CURVES):
        return series
    return split_series([member for each in several for member in each.members], (axis,))


def set_axis(ax: Axes, values: Sequence[float], log: bool, label: str) -> None:
    """Scale, ticks at the values where they are few, and label of a horizontal axis of settings."""
    if log:
        ax.set_xscale("log")
    if len(values) <= _MOST_TICKS:
        ax.xaxis.set_major_locator(FixedLocator(list(values)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    ax.set_xlabel(label)


def _at_tolerance(found: Sequence[SettingRuns], ranks: Mapping[str, float]) -> list[SettingRuns]:
    return [
        SettingRuns(each.row, each.ids, {"mean_hidden_rank": np.array([ranks.get(key, np.nan) for key in each.ids])})
        for each in found
    ]


def _recipe(**changed: str) -> dict[str, str]:
    return {"K": "10", "L": "4", "wd": "2e-3", "seed": "0..4", **changed}


RANK_FIGURES = tuple(
    RankVs(
        axis,
        label,
        log,
        f"rank-vs-{axis}",
        f"mean rank of the hidden layers against {words}",
        _recipe(**{axis: values}),
    )
    for axis, label, log, words, values in (
        ("wd", "weight decay λ", True, "weight decay", "1e-3,2e-3,4e-3,8e-3"),
        ("lr", "learning rate η", True, "learning rate", "0.05,0.1,0.2,0.5"),
        ("width", "width d", True, "width", "10,16,24,32,64"),
        ("K", "number of classes K", False, "the number of classes", "6,8,10,12,15"),
        ("L", "number of layers L", False, "depth", "3..6"),
    )
)
"""`rank-vs-wd`, `rank-vs-lr`, `rank-vs-width`, `rank-vs-K`, `rank-vs-L`."""
