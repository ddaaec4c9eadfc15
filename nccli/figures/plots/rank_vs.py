"""Mean rank of the hidden layers against one setting (Súkeník et al. 2024, Figures 3, 9 and 10)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from matplotlib.axes import Axes

from nccli.figures.against_setting import AgainstSetting
from nccli.figures.axes import apart, rank_axis, reference, reference_curve
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.hidden_ranks import at_tolerance, read_for_ranks
from nccli.figures.layouts import Layout
from nccli.figures.series import Series, axis_value
from nccli.figures.setting_axis import CLASSES, DEPTH, LR, WD, WIDTH, SettingAxis
from nccli.figures.stages import hidden_words
from nccli.figures.store_figure import Query
from nccli.store import SettingRuns, problem_of
from nccli.theory import dnc_rank, srg_rank


@dataclass(frozen=True)
class RankVs(AgainstSetting):
    """Mean rank of M_2..M_{L−1} with the ranks of the DNC and SRG solutions.

    Attributes:
        name: in the catalogue of figures.
        axis: the horizontal one.
    """

    name: str
    axis: SettingAxis
    columns: ClassVar[tuple[str, ...]] = ("mean_hidden_rank",)
    quantity: ClassVar[str] = "mean_rank"
    y_label: ClassVar[str] = "mean hidden rank"
    averages: ClassVar[bool] = True

    @property
    def heeds(self) -> frozenset[str]:
        """Ranks have a tolerance."""
        return super().heeds | {"rank_rtol"}

    @property
    def quantity_words(self) -> str:
        """Of the hidden layers."""
        return "hidden ranks"

    @property
    def lacking(self) -> str:
        """No ranks, or nothing that a curve could connect."""
        return f"no ranks, no single {self.axis.column}, or a curve of one point"

    def reads(self, options: Options) -> tuple[Collection[str], Collection[str] | None]:
        """Ranks that are stored, or the spectra."""
        _, columns = super().reads(options)
        return read_for_ranks(options), columns

    def select(self, query: Query) -> list[SettingRuns]:
        """Stored ranks, or those at another tolerance."""
        return at_tolerance(super().select(query), query)

    def about(self, series: Sequence[Series]) -> str:
        """The layers."""
        return f"hidden: {hidden_words(series)}"

    def finish(self, ax: Axes, drawn: Drawn, plan: Layout) -> None:
        """Lines of theory, and room for the bars."""
        self._draw_references(ax, drawn)
        rank_axis(ax, [row["mean_rank"] + spread for row in drawn.rows for spread in (0.0, row["sd"] or 0.0)])

    def _draw_references(self, ax: Axes, drawn: Drawn) -> None:
        level: dict[float, list[str]] = {}
        for what in ("dnc", "srg"):
            by_name: dict[str, list[Row]] = {}
            for row in drawn.of(what):
                by_name.setdefault(row["series"], []).append(row)
            for name, rows in by_name.items():
                ranks = {row["mean_rank"] for row in rows}
                if len(ranks) > 1 and len({row[self.axis.column] for row in rows}) == len(rows):
                    places = [row[self.axis.column] for row in rows]
                    reference_curve(ax, places, [row["mean_rank"] for row in rows], name, first=what == "dnc")
                    continue
                for rank in ranks:
                    level.setdefault(rank, []).append(name)
        top = max(row["mean_rank"] for row in drawn.rows)
        heights = sorted(level)
        for rank, shift in zip(heights, apart([rank / top for rank in heights]), strict=True):
            names = level[rank]
            reference(ax, rank, _joined(names), first=names[0].startswith("DNC"), shift=shift)

    def beside(self, series: Sequence[Series]) -> list[Row]:
        """Ranks of the DNC solution and of the SRG solution that is best for the runs' own problems."""
        found: set[tuple[str, int, int, float | None, int]] = set()
        for each in (member for own in series for member in own.members):
            problem = problem_of(each.row)
            place = axis_value(each.row, self.axis.column) if self.axis.column in ("K", "L") else None
            K, srg = each.row["K"], None if problem is None else srg_rank(problem)
            room = K if each.row["width"] >= K else None
            ranks = {"dnc": room if problem is None else dnc_rank(problem), "srg": srg}
            found |= {(what, K, each.row["L"], place, rank) for what, rank in ranks.items() if rank is not None}
        several = self.axis.column != "K" and len({K for _, K, *_ in found}) > 1
        by_depth = self.axis.column == "K" and len({(what, K) for what, K, *_ in found}) < len(
            {(what, K, rank) for what, K, _, _, rank in found}
        )
        rows: dict[tuple[str, float | None, int], Row] = {}
        for what, K, L, place, rank in sorted(found, key=lambda key: (*key[:3], key[3] or 0, key[4])):
            name = what.upper() + (f", K = {K}" if several else f", L = {L}" if by_depth and what == "srg" else "")
            row = {"what": what, "series": name, self.axis.column: place, "mean_rank": float(rank)}
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


PLOTS = tuple(RankVs(f"rank-vs-{axis.column}", axis) for axis in (WD, LR, WIDTH, CLASSES, DEPTH))
"""`rank-vs-wd`, `rank-vs-lr`, `rank-vs-width`, `rank-vs-K`, `rank-vs-L`."""
