"""Share of runs that end in deep neural collapse, against width (Súkeník et al. 2024, Figure 3, right)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from matplotlib.figure import FigureBase
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures.axes import dodge, settings_axis
from nccli.figures.figure import Drawn, Options, Row, StoreFigure
from nccli.figures.layouts import Layout, layout, legend, panels
from nccli.figures.rank_vs import curves
from nccli.figures.series import Series, describe, each_of, split_series
from nccli.figures.stages import hidden_words, require_curves
from nccli.figures.style_sheet import looks
from nccli.store import Selection, select_settings

_NORMAL_QUANTILE = 1.959963984540054


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share (Wilson 1927); within [0, 1], and not empty at 0 or 1."""
    z, p = _NORMAL_QUANTILE, successes / trials
    centre = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))
    return min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half))


@dataclass(frozen=True)
class DncShareVsWidth(StoreFigure):
    """A curve for each setting: the share of runs whose hidden layers are all recognised as DNC."""

    name: str = "dnc-share-vs-width"
    summary: str = "share of runs that end in DNC against width, with a 95 % interval"
    recipe: Mapping[str, str] = field(
        default_factory=lambda: {
            "K": "10",
            "L": "4",
            "width": "10,16,24,32,64",
            "wd": "2e-3",
            "seed": "0..19",
        }
    )

    def collect(self, connection: Connection, selection: Selection, options: Options) -> Drawn:
        """Structures of the hidden layers by width."""
        found = select_settings(connection, selection, ("structure",))
        usable = [each for each in found if any(name is not None for name in each.values["structure"])]
        if not usable:
            raise NothingFoundError("none of the runs has hidden layers")
        series = curves(split_series(usable, ("width",)), "width", options)
        require_curves(series, self.name, connection, selection, "width")
        rows = [row for each in series for row in _series_rows(each)]
        extra = each_of(rows, rest=f"DNC in {hidden_words(series)}, with its 95 % Wilson interval", of="point")
        single = len({row["width"] for row in rows}) == 1
        notes = ["all runs have the same width: the figure has a single point a series"] if single else []
        shown = sum(row["runs"] for row in rows)
        left_out = sum(len(each.ids) for each in found) - shown
        if left_out:
            notes.append(f"{left_out} runs left out: no hidden layers, or a curve of one point")
        return Drawn(rows, describe(series, shown, extra), tuple(notes))

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A single panel."""
        return layout(1, width, named=drawn.values("series"))

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Width against share."""
        (ax,) = panels(container, plan)
        labels = drawn.values("series")
        between = settings_axis(ax, [row["width"] for row in drawn.rows], True, "width d", plan)
        for i, (label, look) in enumerate(zip(labels, looks(len(labels)), strict=True)):
            rows = drawn.of("share", series=label)
            low = [row["share"] - row["low"] for row in rows]
            high = [row["high"] - row["share"] for row in rows]
            shares = [row["share"] for row in rows]
            widths = [row["width"] for row in rows]
            curve = ax.errorbar(widths, shares, yerr=[low, high], label=label, elinewidth=0.8, **look)
            dodge(ax, i, len(labels), between, curve)
        ax.set_ylim(-0.03, 1.03)
        ax.set_ylabel("share of runs in DNC")
        if len(labels) > 1:
            legend(container, ax)


def _series_rows(series: Series) -> list[Row]:
    by_width: dict[int, list[tuple[str, bool]]] = {}
    for member in series.members:
        pairs = zip(member.ids, member.values["structure"], strict=True)
        by_width.setdefault(member.row["width"], []).extend(
            (key, name == "DNC") for key, name in pairs if name is not None
        )
    rows: list[Row] = []
    for width, runs in sorted(by_width.items()):
        dnc = sum(flag for _, flag in runs)
        low, high = wilson_interval(dnc, len(runs))
        point = {"what": "share", "series": series.label, "width": width, "share": dnc / len(runs)}
        ids = sorted(key for key, _ in runs)
        rows.append({**point, "low": low, "high": high, "dnc": dnc, "runs": len(runs), "run_ids": ids})
    return rows
