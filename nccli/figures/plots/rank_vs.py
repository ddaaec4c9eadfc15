"""Mean rank of the hidden layers against one setting (Súkeník et al. 2024, Figures 3, 9 and 10)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from matplotlib.axes import Axes

from nccli.figures.against_setting import AgainstSetting
from nccli.figures.axes import HALF_RANK, apart, rank_axis, reference, reference_curve
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.hidden_ranks import at_tolerance, read_for_ranks
from nccli.figures.layouts import Layout
from nccli.figures.marks import looks_of
from nccli.figures.series import Series, Values, axis_value
from nccli.figures.setting_axis import CLASSES, DEPTH, LR, WD, WIDTH, SettingAxis
from nccli.figures.stages import hidden_words
from nccli.figures.store_figure import Query
from nccli.figures.style_sheet import GREY
from nccli.store import SettingRuns, problem_of
from nccli.theory import dnc_rank, srg_rank

_NARROW = 2.2
"""Inches of a panel in which lines of theory have no room for the setting that their colour tells too; taste."""


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
    spread: ClassVar[str] = "mean ± 1 sd within the ranks of runs"

    @property
    def heeds(self) -> frozenset[str]:
        """Ranks have a tolerance."""
        return super().heeds | {"rank_rtol"}

    def point(self, values: Values) -> Row:
        """As of every quantity; bars end at the ranks of runs, none of which exceeds the number of classes."""
        found = super().point(values)
        mean, sd = found["mean_rank"], found["sd"] or 0.0
        within = {"low": max(mean - sd, float(values.min())), "high": min(mean + sd, float(values.max()))}
        return found | {"low": min(mean, within["low"]), "high": max(mean, within["high"])}

    @property
    def quantity_words(self) -> str:
        """Of the hidden layers."""
        return "hidden ranks"

    @property
    def lacking(self) -> str:
        """No ranks, or nothing that a curve could connect."""
        return f"no ranks, or no single {self.axis.column}"

    def reads(self, options: Options) -> tuple[Collection[str], Collection[str] | None]:
        """Ranks that are stored, or the spectra."""
        _, columns = super().reads(options)
        return read_for_ranks(options), columns

    def select(self, query: Query) -> list[SettingRuns]:
        """Stored ranks, or those at another tolerance."""
        return at_tolerance(super().select(query), query)

    def about(self, series: Sequence[Series]) -> str:
        """The layers."""
        return f"area of dots: number of runs; hidden: {hidden_words(series)}"

    def finish(self, ax: Axes, drawn: Drawn, plan: Layout) -> None:
        """Lines of theory in the colours of the series that they are of, and ranks from the least to that of DNC."""
        self._draw_references(ax, drawn, plan.width / plan.columns < _NARROW)
        rank_axis(ax, _ranks(drawn))

    def _draw_references(self, ax: Axes, drawn: Drawn, narrow: bool) -> None:
        level: dict[float, list[str]] = {}
        colour_of = {label: look["color"] for label, look in looks_of(drawn.series, drawn.ordered)}
        colours: dict[str, str] = {}  # by name of a line
        for what in ("dnc", "srg"):
            by_name: dict[str, list[Row]] = {}
            for row in drawn.of(what):
                by_name.setdefault(row["series"], []).append(row)
            for name, rows in by_name.items():
                ranks = {row["mean_rank"] for row in rows}
                of = {row["of"] for row in rows}
                colours[name] = colour_of.get(next(iter(of)), GREY) if len(of) == 1 else GREY
                if len(ranks) > 1 and len({row[self.axis.column] for row in rows}) == len(rows):
                    places = [row[self.axis.column] for row in rows]
                    reference_curve(ax, places, [row["mean_rank"] for row in rows], name, what == "dnc", colours[name])
                    continue
                for rank in ranks:
                    level.setdefault(rank, []).append(name)
        shown = _ranks(drawn)
        bottom, height = min(shown) - HALF_RANK, max(shown) - min(shown) + 2 * HALF_RANK
        heights = sorted(level)
        for rank, shift in zip(heights, apart([(rank - bottom) / height for rank in heights]), strict=True):
            names = level[rank]
            (colour,) = {colours[name] for name in names} if len({colours[name] for name in names}) == 1 else {GREY}
            told = names[0].partition(", ")[0] if narrow and colour != GREY else _joined(names)
            reference(ax, rank, told, names[0].startswith("DNC"), shift=shift, colour=colour)

    def beside(self, series: Sequence[Series]) -> list[Row]:
        """Ranks of the DNC solution and of the SRG solution that is best for the runs' own problems."""
        found: set[tuple[str, int, int, float | None, int]] = set()
        owners: dict[tuple[str, int, int, float | None, int], set[str]] = {}
        for label, each in ((own.label, member) for own in series for member in own.members):
            problem = problem_of(each.row)
            place = axis_value(each.row, self.axis.column) if self.axis.column in ("K", "L") else None
            K, srg = each.row["K"], None if problem is None else srg_rank(problem)
            room = K if each.row["width"] >= K else None
            ranks = {"dnc": room if problem is None else dnc_rank(problem), "srg": srg}
            own = {(what, K, each.row["L"], place, rank) for what, rank in ranks.items() if rank is not None}
            found |= own
            for key in own:
                owners.setdefault(key, set()).add(label)
        several = self.axis.column != "K" and len({K for _, K, *_ in found}) > 1
        by_depth = self.axis.column == "K" and len({(what, K) for what, K, *_ in found}) < len(
            {(what, K, rank) for what, K, _, _, rank in found}
        )
        rows: dict[tuple[str, float | None, int], Row] = {}
        for what, K, L, place, rank in sorted(found, key=lambda key: (*key[:3], key[3] or 0, key[4])):
            name = what.upper() + (f", K = {K}" if several else f", L = {L}" if by_depth and what == "srg" else "")
            of = owners[what, K, L, place, rank]
            row: Row = {"what": what, "series": name, "of": next(iter(of)) if len(of) == 1 < len(series) else None}
            row |= {"K": K, self.axis.column: place if self.axis.column != "K" else K, "mean_rank": float(rank)}
            rows[name, place, rank] = {**row, "sd": None, "runs": 0, "run_ids": []}
        return list(rows.values())


def _ranks(drawn: Drawn) -> list[float]:
    """All that are drawn, and the numbers of classes, which none exceeds."""
    return [row["mean_rank"] for row in drawn.rows] + [row["K"] for row in (*drawn.of("dnc"), *drawn.of("srg"))]


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
