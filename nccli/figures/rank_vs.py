"""Mean rank of the hidden layers against one setting (Súkeník et al. 2024, Figures 3, 9 and 10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures.axes import apart, dodge, rank_axis, reference, reference_curve, settings_axis
from nccli.figures.figure import Drawn, Options, Row, StoreFigure
from nccli.figures.layouts import Layout, layout, legend, panels
from nccli.figures.series import Series, axis_value, describe, each_of, split_series
from nccli.figures.stages import MOST_CURVES, MOST_DOTS, hidden_words, require_curves
from nccli.figures.style_sheet import looks
from nccli.metrics import RANK_RTOL
from nccli.store import Selection, SettingRuns, problem_of, select_hidden_ranks, select_settings
from nccli.theory import srg_rank


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
    heeds: ClassVar[frozenset[str]] = frozenset({"rank_rtol"})

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
        means = (row for row in rows if row["what"] == "mean")
        extra = each_of(means, "mean ± 1 sd", f"hidden: {hidden_words(series)}", of="point")
        rows += self._reference_rows([member for each in series for member in each.members])
        left_out = sum(len(each.ids) for each in found) - sum(counts)
        notes = (
            [f"{left_out} runs left out: no ranks, no single {self.axis}, or a curve of one point"] if left_out else []
        )
        if len({axis_value(each.row, self.axis) for each in usable}) == 1:
            notes.append(f"all runs have the same {self.axis}: the figure has a single point a series")
        if total > MOST_DOTS:
            notes.append(f"{sum(counts)} runs are too many dots: only their means are drawn")
        return Drawn(rows, describe(series, sum(counts), extra), tuple(notes))

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A single panel."""
        return layout(1, width, named=_labels(drawn))

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """The setting against rank."""
        (ax,) = panels(container, plan)
        labels = _labels(drawn)
        between = settings_axis(ax, [row[self.axis] for row in drawn.of("mean")], self.log, self.label, plan)
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
            dodge(ax, i, len(labels), between, curve, *dots)
        self._draw_references(ax, drawn)
        rank_axis(ax, [row["mean_rank"] + spread for row in drawn.rows for spread in (0.0, row["sd"] or 0.0)])
        ax.set_ylabel("mean rank of hidden layers")
        if len(labels) > 1:
            legend(container, ax)

    def _draw_references(self, ax: Axes, drawn: Drawn) -> None:
        level: dict[float, list[str]] = {}
        for what in ("dnc", "srg"):
            by_name: dict[str, list[Row]] = {}
            for row in drawn.of(what):
                by_name.setdefault(row["series"], []).append(row)
            for name, rows in by_name.items():
                ranks = {row["mean_rank"] for row in rows}
                if len(ranks) > 1 and len({row[self.axis] for row in rows}) == len(rows):
                    places = [row[self.axis] for row in rows]
                    reference_curve(ax, places, [row["mean_rank"] for row in rows], name, first=what == "dnc")
                    continue
                for rank in ranks:
                    level.setdefault(rank, []).append(name)
        top = max(row["mean_rank"] for row in drawn.rows)
        heights = sorted(level)
        for rank, shift in zip(heights, apart([rank / top for rank in heights]), strict=True):
            names = level[rank]
            reference(ax, rank, _joined(names), first=names[0].startswith("DNC"), shift=shift)

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
        found: set[tuple[str, int, int, float | None, int]] = set()
        for each in settings:
            problem = problem_of(each.row)
            place = axis_value(each.row, self.axis) if self.axis in ("K", "L") else None
            K, srg = each.row["K"], None if problem is None else srg_rank(problem)
            ranks = {"dnc": K, "srg": srg}
            found |= {(what, K, each.row["L"], place, rank) for what, rank in ranks.items() if rank is not None}
        several = self.axis != "K" and len({K for _, K, *_ in found}) > 1
        by_depth = self.axis == "K" and len({(what, K) for what, K, *_ in found}) < len(
            {(what, K, rank) for what, K, _, _, rank in found}
        )
        rows: dict[tuple[str, float | None, int], Row] = {}
        for what, K, L, place, rank in sorted(found, key=lambda key: (*key[:3], key[3] or 0, key[4])):
            name = what.upper() + (f", K = {K}" if several else f", L = {L}" if by_depth and what == "srg" else "")
            row = {"what": what, "series": name, self.axis: place, "mean_rank": float(rank)}
            rows[name, place, rank] = {**row, "sd": None, "runs": 0, "run_ids": []}
        return list(rows.values())


def _joined(names: Sequence[str]) -> str:
    """Names of lines at the same height: `DNC, SRG, K = 4` for the same problems, else `DNC, K = 4; SRG, K = 4, 6`."""
    settings: dict[str, list[str]] = {}
    for name in names:
        solution, _, setting = name.partition(", ")
        settings.setdefault(solution, []).append(setting)
    if len({tuple(each) for each in settings.values()}) == 1:
        settings = {", ".join(settings): next(iter(settings.values()))}
    parts = [", ".join((name, each[0], *(last.split()[-1] for last in each[1:]))) for name, each in settings.items()]
    return "; ".join(part.removesuffix(", ") for part in parts)


def _labels(drawn: Drawn) -> list[str]:
    return list(dict.fromkeys(row["series"] for row in drawn.of("mean")))


def curves(series: list[Series], axis: str, options: Options) -> list[Series]:
    """The series; where only curves are wanted or fit, those of several points if there are any."""
    several = [each for each in series if len({axis_value(member.row, axis) for member in each.members}) > 1]
    if not several or len(several) == len(series) or not (options.curves_only or len(series) > MOST_CURVES):
        return series
    return split_series([member for each in several for member in each.members], (axis,))


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
