"""Recognised solutions drawn as their graphs: classes are edges, or sets of vertices (Súkeník et al. 2024, Fig. 5)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from matplotlib.figure import FigureBase

from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.graph_drawing import draw_graph, numbers_of, places_of
from nccli.figures.layouts import Layout, layout, panel_title, panels
from nccli.figures.least_loss import LOSSES, by_loss, losses_of
from nccli.figures.series import Series
from nccli.figures.solution_graph import graph_of, may_have_graph
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.figures.structure_names import short_name
from nccli.figures.text import literal
from nccli.metrics.structure import NONE
from nccli.store import Condition, SettingRuns

_LEAST, _ASPECT = 1.6, 0.95
"""Inches of a panel, and its height over its width; tastes."""

_AROUND, _TALLEST = 0.35, 2.4
"""Inches of the small print, and most of a panel's height; tastes."""


class SolutionGraphs(StoreFigure):
    """A panel a setting: the graph of the run with the least loss of those that have one."""

    name = "graph"
    any_kind: ClassVar[bool] = True
    columns = (*LOSSES, "structure")
    nothing = "none of the runs has a structure that is a graph"
    lacking = "no structure that is a graph"
    small_print = "dots: directions of the hidden layers; numbers: classes, each an edge, a ring or a hull"

    def usable(self, runs: SettingRuns) -> bool:
        """Whether one of them may have a graph, whatever the losses are."""
        return any(may_have_graph(runs.row, structure) for structure in runs.values["structure"])

    def command(self, where: Sequence[Condition], options: Options) -> str:
        """The construction that has the best known graph."""
        return f"nccli construct --kind srg --K 10 --L 4{options.store}"

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """A row a vertex, and a row a class."""
        for each in series:
            known = {
                key: structure
                for member in each.members
                for key, structure in zip(member.ids, member.values["structure"], strict=True)
                if may_have_graph(member.row, structure)
            }
            for key in filter(known.__contains__, by_loss(each)):
                rows = _rows(each, key, known[key], query)
                if rows:
                    yield Shown(each, rows, [key], len(known))
                    break

    def words(self, found: Collected) -> str:
        """Which runs are shown, and what is what."""
        first = ["of each setting the run with the least loss of those with a graph"] * (found.runs > len(found.shown))
        return "; ".join([*first, self.small_print])

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """Panels in rows."""
        titles = [_title(drawn, label) for label in drawn.values("series")]
        plan = layout(len(titles), width, least=_LEAST, titles=titles)
        lines = plan.height - layout(len(titles), width, least=_LEAST).height
        side = min(_ASPECT * width / plan.columns, _TALLEST)
        return replace(plan, height=_AROUND + lines + plan.rows * (side + 0.2))

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Graphs."""
        for ax, label in zip(panels(container, plan), drawn.values("series"), strict=True):
            classes, vertices = drawn.of("class", series=label), drawn.of("vertex", series=label)
            places, numbers = (np.array([(row["x"], row["y"]) for row in rows]) for rows in (vertices, classes))
            draw_graph(ax, tuple(tuple(row["vertices"]) for row in classes), places, numbers)
            panel_title(ax, _title(drawn, label), plan)


_DRAWN = re.compile(r"\d+-\d+(,\d+-\d+)*|(\{[\d,]+\},?)+")
"""Edges and sets in the name of a setting, which the panel shows."""


def _title(drawn: Drawn, label: str) -> str:
    """Settings, structure and loss."""
    row = drawn.of("class", series=label)[0]
    settings = [part for part in label.split(", ") if not _DRAWN.fullmatch(part)]
    name = "" if row["structure"] in (None, NONE) else literal(short_name(row["structure"]))
    ratio = "" if not np.isfinite(row["ratio"]) else f"loss / DNC loss {row['ratio']:.4g}"
    return ", ".join(filter(None, [*settings, name, ratio]))


def _rows(series: Series, key: str, structure: str | None, query: Query) -> list[Row]:
    subsets = graph_of(query.connection, series.row, key)
    if subsets is None:
        return []
    losses = {run: each for member in series.members for run, each in losses_of(member).items()}[key]
    places = places_of(subsets)
    numbers = numbers_of(subsets, places)
    about: Row = {"series": series.label, "structure": structure, "ratio": losses.over_dnc, "run_ids": [key]}
    rows: list[Row] = [
        {"what": "vertex", **about, "vertex": i, "class": None, "vertices": None, "x": x, "y": y}
        for i, (x, y) in enumerate(places.tolist())
    ]
    return rows + [
        {"what": "class", **about, "vertex": None, "class": i, "vertices": list(each), "x": x, "y": y}
        for i, (each, (x, y)) in enumerate(zip(subsets, numbers.tolist(), strict=True))
    ]


PLOTS = (SolutionGraphs(),)
