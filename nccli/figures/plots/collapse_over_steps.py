"""Collapse and rank by layer over the checkpoints of a series, or over our own trainings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D

from nccli.catalogue.options import Split
from nccli.catalogue.runs import TRAINED_KINDS
from nccli.figures.axes import decades_axis, rank_axis
from nccli.figures.checkpoint_series import asks_for_checkpoints, by_series, is_checkpoint
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.layer_courses import QUANTITIES, Quantity, course_of_checkpoints, course_of_history
from nccli.figures.layouts import Layout, layout, panels, row_title
from nccli.figures.legends import legend
from nccli.figures.limits import ROWS
from nccli.figures.marks import Look, looks_of
from nccli.figures.over_steps import draw_band, evenly, steps_axis
from nccli.figures.series import Series
from nccli.figures.stages import looks_of_layers
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.figures.style_sheet import GREY
from nccli.store import Condition, SettingRuns

_MOST_LAYERS = 10
"""Curves of a panel; taste: of a network with more modules some are left out, evenly, and a note says so."""

_COLUMNS = 3
"""Panels side by side; taste."""

_OF_A_PART: Mapping[str, Look] = {
    Split.TRAIN.value: {"linestyle": "-"},
    Split.TEST.value: {"linestyle": (0, (1.2, 1.2)), "markerfacecolor": "white"},
}
"""How the parts of the data are told apart, where there are both."""


_ROOM_FOR_MARKS = 0.05
"""A taste: of the width, beside the first and the last checkpoint."""


class CollapseOverSteps(StoreFigure):
    """Up to six panels for each series: quantities of its layers over steps, train and test in the same panel."""

    name = "collapse-over-steps"
    any_kind: ClassVar[bool] = True
    averages = True
    limit = ROWS
    nothing = "none of the runs is a checkpoint of a series or has a history"
    lacking = "no step of a series and no history"

    def usable(self, runs: SettingRuns) -> bool:
        """Whether it was trained here, or is a checkpoint."""
        return runs.row["kind"] in TRAINED_KINDS or is_checkpoint(runs.row)

    def select(self, query: Query) -> list[SettingRuns]:
        """The runs by setting, checkpoints by series."""
        return list(by_series(super().select(query), query.selection.where))

    def command(self, where: Sequence[Condition], options: Options) -> str:
        """That of trainings; none that makes checkpoints."""
        return "" if asks_for_checkpoints(where) else super().command(where, options)

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """Rows by layer: of checkpoints what they were measured to have, of trainings what their histories have."""
        for each in series:
            if is_checkpoint(each.row):
                rows = course_of_checkpoints(query, each)
                ids = list(dict.fromkeys(key for member in each.members for key in member.ids))
            else:
                ids, rows = course_of_history(query, each)
            if rows:
                yield Shown(each, rows, ids)

    def words(self, found: Collected) -> str:
        """What bands are, and which layers."""
        trained = any(row["runs"] > 1 for row in found.rows)
        parts = ["rank: mean ± 1 sd; NC1: geometric mean and range"] if trained else []
        if {row["split"] for row in found.rows} >= set(_OF_A_PART):
            parts.append("filled: training set, hollow: test set")
        layers, drawn = _layers(found.rows), _drawn_layers(found.rows)
        parts += [f"{len(drawn)} of {len(layers)} layers"] if len(drawn) < len(layers) else []
        return "; ".join(parts) or "by layer"

    def notes(self, found: Collected) -> list[str]:
        """Layers that are left out."""
        left_out = [name for name in _layers(found.rows) if name not in _drawn_layers(found.rows)]
        words = f"{len(left_out)} layers are not drawn: {', '.join(left_out[:6])}{', …' if len(left_out) > 6 else ''}"
        more = [f"{words} (measure --layers chooses)"] if left_out else []
        return [*super().notes(found), *more]

    def collect(self, connection: Any, selection: Any, options: Options) -> Drawn:
        """As of every figure; rows of the layers that are drawn."""
        drawn = super().collect(connection, selection, options)
        kept = _drawn_layers(drawn.rows)
        return replace(drawn, rows=[row for row in drawn.rows if row["symbol"] in kept])

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """Rows of three panels for each series."""
        labels, columns = drawn.values("series"), min(_COLUMNS, len(_quantities(drawn)))
        named = [*drawn.values("symbol"), *_parts(drawn)]
        count = len(labels) * columns * -(-len(_quantities(drawn)) // columns)
        return layout(count, width, columns, titles=[label for label in labels if label], named=named)

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Steps against each quantity, a curve a layer."""
        axes, labels, quantities = panels(container, plan), drawn.values("series"), _quantities(drawn)
        symbols, parts = drawn.values("symbol"), _parts(drawn)
        trained = all(row["split"] is None for row in drawn.rows)
        look_of = looks_of_layers(drawn.rows) if trained else dict(looks_of(symbols, ordered=True))
        each = plan.count // len(labels)
        for position, label in enumerate(labels):
            own = axes[each * position : each * (position + 1)]
            for ax, quantity in zip(own, quantities, strict=False):
                rows = drawn.of(quantity.metric, series=label)
                for symbol in symbols:
                    _draw(ax, [row for row in rows if row["symbol"] == symbol], look_of[symbol], symbol, bool(parts))
                _finish(ax, quantity, rows)
            for ax in own[len(quantities) :]:
                ax.set_visible(False)
            row_title(own, label, plan)
        _name_parts(axes[0], parts)
        legend(container, *(ax for ax in axes if ax.get_visible()))


def _layers(rows: Sequence[Row]) -> list[str]:
    """Layers in the order of the network."""
    return list(
        dict.fromkeys(row["symbol"] for row in sorted(rows, key=lambda row: (row["layer"], row["stage"] == "post")))
    )


def _drawn_layers(rows: Sequence[Row]) -> list[str]:
    """So many that an eye tells them apart: those that have NC3 or NC4, the others evenly."""
    names = _layers(rows)
    if len(names) <= _MOST_LAYERS:
        return names
    special = {row["symbol"] for row in rows if row["what"] in ("self_duality", "nc4")} | {names[-1]}
    others = [name for name in names if name not in special]
    room = max(0, _MOST_LAYERS - len(special))
    evenly = {others[i] for i in np.linspace(0, len(others) - 1, room).round().astype(int)} if others else set()
    return [name for name in names if name in special or name in evenly][-_MOST_LAYERS:]


def _quantities(drawn: Drawn) -> list[Quantity]:
    return [quantity for quantity in QUANTITIES if drawn.of(quantity.metric)]


def _parts(drawn: Drawn) -> list[str]:
    """Parts of the data, where there are several."""
    found = {row["split"] for row in drawn.rows} - {None}
    return [part for part in _OF_A_PART if part in found] if len(found) > 1 else []


def _draw(ax: Axes, rows: Sequence[Row], look: Look, symbol: str, several: bool) -> None:
    """A curve a part of the data: with marks where it has few points, with its band where it is of several runs."""
    for split in dict.fromkeys(row["split"] for row in rows):
        own = [row for row in rows if row["split"] == split]
        if split is None:
            draw_band(ax, own, look, symbol)
            continue
        part = _OF_A_PART[split] if several else {}
        label = symbol if split == rows[0]["split"] else None
        ax.plot([row["step"] for row in own], [row["mean"] for row in own], label=label, **{**look, **part})


def _name_parts(ax: Axes, parts: Sequence[str]) -> None:
    """Entries of the legend for the parts of the data."""
    for part in parts:
        ax.add_line(Line2D([], [], color=GREY, marker="o", label=part, **_OF_A_PART[part]))


def _finish(ax: Axes, quantity: Quantity, rows: Sequence[Row]) -> None:
    """Scales and labels; nothing where this series has nothing."""
    if not rows:
        ax.set_visible(False)
        return
    steps = [row["step"] for row in rows]
    steps_axis(ax, quantity.label, max(steps), evenly(steps) and rows[0]["split"] is not None)
    if quantity.log:
        decades_axis(ax)
    elif quantity.metric in ("rank", "effective_rank"):
        rank_axis(ax, [row[end] for row in rows for end in ("mean", "high")])
    else:
        ax.set_ylim(0.0, 1.08 * max(row[end] for row in rows for end in ("mean", "high")) or 1.0)
    if rows[0]["split"] is not None:
        ax.margins(x=_ROOM_FOR_MARKS)


PLOTS = (CollapseOverSteps(),)
