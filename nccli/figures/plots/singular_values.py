"""Trajectories of the singular values of every layer over training: how ranks are lost, one value after another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import FigureBase
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from nccli.catalogue.stages import stages
from nccli.figures.figure import Drawn, Row
from nccli.figures.layouts import Layout, layout, panels, row_title
from nccli.figures.least_loss import LOSSES, by_loss
from nccli.figures.limits import ROWS
from nccli.figures.over_steps import steps_axis
from nccli.figures.series import Series
from nccli.figures.stages import class_means_symbol, shown_stages
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.figures.style_sheet import GREY
from nccli.metrics import ZERO_FLOOR
from nccli.store import SettingRuns, having_trajectory, stack_history

_LEAST, _ASPECT, _BAR = 1.45, 0.8, 0.65
"""Inches of a panel, its height over its width, inches of the colour bar; tastes."""

_BELOW = 0.1
"""Of the tolerance of ranks, down to where values are seen; taste: they cross it, and then fall on by e-folds."""

_MOST_STEPS = 200
"""Points of a line: a taste; a panel is so many dots wide on a screen."""

_KEPT = "kept"
"""Whether a run kept its trajectory, beside its columns."""

_COLOURS, _DIGITS = "viridis", 8
"""Of the values, and digits of an id that names one of several runs of a setting; tastes."""


class SingularValues(StoreFigure):
    """A row for each run, in it a panel a layer; of many runs of a setting the one with the least loss."""

    name = "singular-values"
    columns = LOSSES
    limit = ROWS
    nothing = "none of the runs kept the singular values of its training: train with --keep trajectory"
    lacking = "not trained with --keep trajectory"

    @property
    def heeds(self) -> frozenset[str]:
        """The tolerance, as a line."""
        return frozenset({"rank_rtol"})

    @property
    def recipe(self) -> Mapping[str, str]:
        """A run of Figure 2."""
        return {"K": "10", "L": "4", "wd": "4e-3", "seed": "0", "keep": "trajectory"}

    def select(self, query: Query) -> list[SettingRuns]:
        """The runs by setting, with whether they kept it."""
        found = super().select(query)
        having = having_trajectory(query.connection, [key for each in found for key in each.ids])
        return [
            SettingRuns(each.row, each.ids, {**each.values, _KEPT: np.array([key in having for key in each.ids])})
            for each in found
        ]

    def usable(self, runs: SettingRuns) -> bool:
        """Whether any did."""
        return bool(runs.values[_KEPT].any()) and super().usable(runs)

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """A row a value of a layer at a step; of runs that the user names, as few as there is room for, of each."""
        kept = [[key for key in by_loss(each) if key in _kept(each)] for each in series]
        named = query.selection.ids is not None and sum(map(len, kept)) <= ROWS.most
        for each, ids in zip(series, kept, strict=True):
            if not named:
                yield Shown(each, _rows(each, ids[0], query), ids[:1], len(ids))
                continue
            for key in ids:
                label = ", ".join(filter(None, [each.label, key[:_DIGITS] if len(ids) > 1 else ""]))
                run = replace(each, label=label)
                yield Shown(run, _rows(run, key, query), [key])

    def words(self, found: Collected) -> str:
        """Which runs, and what the line is."""
        first = ["of each setting the run with the least loss"] if found.runs > len(found.shown) else []
        rtol = found.options.rank_rtol
        return "; ".join([*first, f"dashed: {rtol:g} of the largest value, where ranks end"])

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A panel a layer, in rows."""
        labels, columns = drawn.values("series"), len(drawn.values("symbol"))
        room = max(1, int((width - _BAR) / _LEAST))
        in_row = -(-columns // -(-columns // room))
        titles = [label for label in labels if label]
        whole = -(-columns // in_row) * in_row
        plan = layout(whole * len(labels), width - _BAR, in_row, _ASPECT, _LEAST, titles=titles)
        return replace(plan, width=width)

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Steps against singular values."""
        axes, labels = panels(container, plan), drawn.values("series")
        columns, room = plan.count // len(labels), replace(plan, width=plan.width - _BAR)
        K = max(row["index"] for row in drawn.of("singular value"))
        shades = colormaps[_COLOURS].resampled(K + 1)
        for position, label in enumerate(labels):
            own = axes[columns * position : columns * (position + 1)]
            rows = drawn.of("singular value", series=label)
            symbols = list(dict.fromkeys(row["symbol"] for row in rows))
            for place, ax in enumerate(own):
                ax.set_visible(place < len(symbols))
                if place < len(symbols):
                    shown = [row for row in rows if row["symbol"] == symbols[place]]
                    _draw(ax, shown, drawn.of("tolerance", series=label, symbol=symbols[place]), shades)
                    ax.set_title(symbols[place], pad=3)
                    if place % plan.columns == 0:
                        ax.set_ylabel("singular value")
            row_title(own, label, room)
        shown_axes = [ax for ax in axes if ax.get_visible()]
        norm = BoundaryNorm(np.arange(0.5, K + 1), shades.N)
        bar = container.colorbar(ScalarMappable(norm, shades), ax=shown_axes, fraction=0.05, pad=0.02, aspect=30)
        bar.outline.set_linewidth(0.4)
        bar.set_label("number of the value")
        bar.locator = MaxNLocator(integer=True, nbins=7)
        bar.update_ticks()


def _kept(series: Series) -> set[str]:
    """The runs that kept their trajectories."""
    members = [zip(member.ids, member.values[_KEPT], strict=True) for member in series.members]
    return {key for member in members for key, kept in member if kept}


def _rows(series: Series, key: str, query: Query) -> list[Row]:
    """Values by layer, number and step, and where ranks end."""
    history, L = stack_history(query.connection, [key]), series.row["L"]
    assert history.spectra is not None
    at = np.unique(np.linspace(0, history.steps.size - 1, _MOST_STEPS).round().astype(int))
    steps, rows = history.steps[at].tolist(), list[Row]()
    for stage in shown_stages(L):
        values = history.spectra[0, at, stages(L).index(stage)]
        place: Row = {"series": series.label, "layer": stage.layer, "stage": stage.stage}
        place |= {"symbol": class_means_symbol(stage), "run_ids": [key]}
        for index, course in enumerate(values.T.tolist(), 1):
            rows += [
                {"what": "singular value", **place, "index": index, "step": step, "value": value}
                for step, value in zip(steps, course, strict=True)
            ]
        least = (query.options.rank_rtol * values[:, 0]).tolist()
        rows += [
            {"what": "tolerance", **place, "index": None, "step": step, "value": value}
            for step, value in zip(steps, least, strict=True)
        ]
    return rows


def _draw(ax: Axes, rows: Sequence[Row], tolerance: Sequence[Row], shades: Any) -> None:
    """A line a value, in the order of their colours, those that end at 0 as long as they are above the axis."""
    by_index: dict[int, list[Row]] = {}
    for row in rows:
        by_index.setdefault(row["index"], []).append(row)
    for index in sorted(by_index, reverse=True):
        own = by_index[index]
        values = [max(row["value"], ZERO_FLOOR) for row in own]
        ax.plot([row["step"] for row in own], values, color=shades(index - 1), linewidth=0.9)
    ends = [row["value"] for row in tolerance]
    ax.plot([row["step"] for row in tolerance], ends, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    largest = max(row["value"] for row in rows)
    steps_axis(ax, "", max(row["step"] for row in rows))
    ax.set_yscale("log")
    bottom = _BELOW * min((end for end in ends if end > 0), default=1.0)
    ax.set_ylim(max(bottom, ZERO_FLOOR), 1.5 * max(largest, 2 * ZERO_FLOOR))
    ax.yaxis.set_major_locator(LogLocator(numticks=6))
    ax.yaxis.set_minor_locator(NullLocator())


PLOTS = (SingularValues(),)
