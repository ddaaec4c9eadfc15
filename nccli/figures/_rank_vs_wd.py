"""Mean rank of the hidden layers against weight decay (Súkeník et al. 2024, Figure 3, middle)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures._figure import Drawn, Row, StoreFigure
from nccli.figures._series import Series, describe, problem_of, split_series
from nccli.figures._style import caption, legend, looks, panels, reference
from nccli.store import comparison_records, mean_sd
from nccli.theory import solve_srg

_MOST_TICKS = 8


class RankVsWd(StoreFigure):
    """A curve for each setting: mean ± sd over runs of the mean rank of M_2..M_{L−1}, and every run as a dot."""

    name: ClassVar = "rank-vs-wd"
    summary: ClassVar = "mean rank of the hidden layers against weight decay"
    recipe: ClassVar = {"K": "10", "L": "4", "wd": "1e-3,2e-3,4e-3,8e-3", "seed": "0..4"}

    def collect(self, connection: Connection, runs: Sequence[Row], rank_rtol: float) -> Drawn:
        """Ranks of the runs whose layers share one weight decay."""
        shared = [run for run in runs if run["wd"] is not None]
        records = {r["id"]: r for r in comparison_records(connection, shared, rank_rtol) if r["mean_rank"] is not None}
        usable = [run for run in shared if run["id"] in records]
        if not usable:
            raise NothingFoundError("none of the runs has hidden ranks and one weight decay for all layers")
        series = split_series(usable, ("wd",))
        rows = [row for each in series for row in _series_rows(each, records)]
        rows += _reference_rows(usable)
        counts = [row["runs"] for row in rows if row["what"] == "mean"]
        each_point = str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
        notes = (
            [f"{len(runs) - len(usable)} runs left out: no ranks, or unequal λ_W"] if len(usable) < len(runs) else []
        )
        if len({run["wd"] for run in usable}) == 1:
            notes.append("all runs have the same weight decay: the figure has a single point a series")
        return Drawn(rows, describe(series, f"{each_point} a point, mean ± 1 sd"), tuple(notes))

    def draw(self, drawn: Drawn, width: float) -> Figure:
        """Log-scaled weight decay against rank."""
        figure, (ax,) = panels(1, width)
        labels = [label for label in drawn.values("series") if drawn.of("mean", series=label)]
        for label, look in zip(labels, looks(len(labels)), strict=True):
            points, means = drawn.of("run", series=label), drawn.of("mean", series=label)
            ax.plot(
                [p["wd"] for p in points],
                [p["mean_rank"] for p in points],
                **{**look, "linestyle": "", "markersize": 2.5, "alpha": 0.35, "markeredgewidth": 0},
            )
            ax.errorbar(
                [m["wd"] for m in means],
                [m["mean_rank"] for m in means],
                yerr=[m["sd"] or 0.0 for m in means],
                label=label,
                elinewidth=0.8,
                **look,
            )
        for row in drawn.of("dnc"):
            reference(ax, row["mean_rank"], row["series"])
        for row in drawn.of("srg"):
            reference(ax, row["mean_rank"], row["series"], first=False)
        decays = sorted({row["wd"] for row in drawn.of("mean")})
        ax.set_xscale("log")
        if len(decays) <= _MOST_TICKS:
            ax.xaxis.set_major_locator(FixedLocator(decays))
            ax.xaxis.set_minor_locator(NullLocator())
            ax.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        ax.set_ylim(bottom=0, top=max([row["mean_rank"] for row in drawn.rows]) * 1.08)
        ax.set_xlabel("weight decay λ")
        ax.set_ylabel("mean hidden rank")
        if len(labels) > 1:
            legend(figure, ax)
        caption(figure, drawn.caption)
        return figure


def _series_rows(series: Series, records: dict[str, Row]) -> list[Row]:
    by_wd: dict[float, list[str]] = defaultdict(list)
    for run in series.runs:
        by_wd[run["wd"]].append(run["id"])
    rows: list[Row] = []
    for wd in sorted(by_wd):
        ids = sorted(by_wd[wd])
        values = [records[key]["mean_rank"] for key in ids]
        point = {"series": series.label, "wd": wd}
        rows += [
            {"what": "run", **point, "mean_rank": value, "sd": None, "runs": 1, "run_ids": [key]}
            for key, value in zip(ids, values, strict=True)
        ]
        mean, sd = mean_sd(values)
        rows.append({"what": "mean", **point, "mean_rank": mean, "sd": sd, "runs": len(ids), "run_ids": ids})
    return rows


def _reference_rows(runs: Sequence[Row]) -> list[Row]:
    """Ranks of the DNC solution and of the SRG solution that is best for the runs' own problems."""
    classes = sorted({run["K"] for run in runs})
    solutions = {problem_of(run): solve_srg(problem_of(run)) for run in runs if run["loss_dnc"] is not None}
    rows = []
    for K in classes:
        suffix = f", K = {K}" if len(classes) > 1 else ""
        empty: Row = {"wd": None, "sd": None, "runs": 0, "run_ids": []}
        rows.append({"what": "dnc", "series": f"DNC{suffix}", "mean_rank": float(K), **empty})
        for rank in sorted({srg.rank for problem, srg in solutions.items() if problem.K == K and srg is not None}):
            rows.append({"what": "srg", "series": f"SRG{suffix}", "mean_rank": float(rank), **empty})
    return rows
