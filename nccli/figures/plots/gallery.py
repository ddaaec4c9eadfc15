"""The distinct solutions that runs of a problem came to: their Gram matrices, how many came there, at what loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import FigureBase

from nccli.catalogue.stages import Stage, When, deciding_layers
from nccli.figures.class_order import class_order
from nccli.figures.figure import Drawn, Row
from nccli.figures.heat_map_grid import draw_map, heat_map
from nccli.figures.layouts import Layout, panels, row_title
from nccli.figures.least_loss import LOSSES, by_loss, losses_of
from nccli.figures.limits import ROWS
from nccli.figures.series import Series
from nccli.figures.stages import class_means_symbol
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.figures.structure_names import below
from nccli.figures.style_sheet import SMALL_TITLE
from nccli.metrics.equal_grams import Grams, normalised, permuted_distance, spectral_distance
from nccli.store import select_layers, select_matrices

_SAME = 0.1
"""Distance of Gram matrices of norm 1 up to which two runs have one solution; taste: half of what a name is given for,
so that runs on their way to one solution are together; DNC and SRG are 0.77 apart."""

_MOST = 10
"""Solutions of a setting; taste: two rows of a page."""

_LEAST, _LARGEST, _GAP = 0.85, 1.3, 0.2
"""Inches of a panel, and beside it; tastes."""

_WORDS, _LINE, _TITLE, _AROUND = 0.6, 0.11, 0.2, 0.35
"""Inches of the words around a panel, of a line more, of the title of a setting, of the small print."""


@dataclass(eq=False)
class _Solution:
    """Runs that are one up to the order of classes.

    Attributes:
        grams: of the run with the least loss.
        best: that run.
        ids: of all.
    """

    grams: Grams
    best: str
    ids: list[str] = field(default_factory=list)


class Gallery(StoreFigure):
    """A panel a solution, of every setting those that the most runs came to, in order of loss."""

    name = "gallery"
    columns = LOSSES
    limit = ROWS
    nothing = "none of the runs has matrices: they diverged, or were merged without"
    lacking = "no matrices"

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """The hidden Gram matrix of every solution, and of whom it is."""
        for each in series:
            found = _solutions(each, query)
            kept = sorted(found, key=lambda solution: -len(solution.ids))[:_MOST]
            rows = [row for solution in found if solution in kept for row in _rows(each, solution, query)]
            yield Shown(each, rows, sorted(key for solution in found for key in solution.ids))

    def words(self, found: Collected) -> str:
        """What is one solution, and what is not shown."""
        first = (
            "Gram matrices of the last hidden layer; of one solution: equal there and at the end up to a permutation"
        )
        return f"{first} of classes, to {_SAME:g} of their norm; below: loss / DNC loss; in order of loss"

    def counts(self, found: Collected) -> dict[str, int]:
        """Runs that came to solutions that are not shown."""
        shown = {key for row in found.rows for key in row["run_ids"]}
        rare = len(found.drawn - shown)
        return {"at rarer solutions": rare} if rare else {}

    def notes(self, found: Collected) -> list[str]:
        """How many came to others."""
        rare = [f"{runs} runs {where}, which are not drawn" for where, runs in self.counts(found).items()]
        return [*super().notes(found), *rare]

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """Panels in rows, those of a setting below each other."""
        found = {label: _of(drawn, label) for label in drawn.values("series")}
        in_row = max(1, min(max(map(len, found.values())), int(width / (_LEAST + _GAP))))
        side = min(width / in_row - _GAP, _LARGEST)
        height = _AROUND
        for label, solutions in found.items():
            lines = max(below(rows[0]["structure"], side)[0].count("\n") for rows in solutions)
            height += -(-len(solutions) // in_row) * (side + _WORDS + _LINE * lines) + _TITLE * bool(label)
        rows = sum(-(-len(solutions) // in_row) for solutions in found.values())
        return Layout(rows * in_row, in_row, width, height)

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Heat maps with their words."""
        axes = panels(container, plan)
        for label in drawn.values("series"):
            shown = _of(drawn, label)
            count = -(-len(shown) // plan.columns) * plan.columns
            own, axes = axes[:count], axes[count:]
            for ax, rows in zip(own, shown, strict=False):
                entry, runs = rows[0], rows[0]["runs"]
                draw_map(ax, heat_map(rows))
                ax.set_title(f"{runs} run{'s' * (runs > 1)}", fontsize=SMALL_TITLE, pad=2)
                text, size = below(entry["structure"], plan.width / plan.columns - _GAP)
                ax.set_xlabel(f"{text}\n{_range(entry)}", fontsize=size, labelpad=2, linespacing=1.1)
            for ax in own[len(shown) :]:
                ax.set_visible(False)
            row_title(own, label, plan)


def _of(drawn: Drawn, label: str) -> list[list[Row]]:
    """Entries of the matrices of a setting, solution by solution."""
    found: dict[str, list[Row]] = {}
    for row in drawn.of("gram", series=label):
        found.setdefault(row["solution"], []).append(row)
    return list(found.values())


def _range(row: Row) -> str:
    low, high = (f"{row[end]:.4g}" for end in ("ratio", "highest_ratio"))
    return low if low == high else f"{low} to {high}"


def _stages(L: int) -> tuple[Stage, Stage]:
    """The hidden layer that is shown, and the last."""
    return deciding_layers(L)[-1], Stage(L, When.POST.value)


def _solutions(series: Series, query: Query) -> list[_Solution]:
    """Of a setting, in order of loss."""
    found: list[_Solution] = []
    for key in by_loss(series):
        matrices = select_matrices(query.connection, key, "gram")
        stages = _stages(series.row["L"])
        if not all(stage in matrices and np.isfinite(matrices[stage]).all() for stage in stages):
            continue
        grams = normalised([matrices[stage] for stage in stages])
        for solution in found:
            near = spectral_distance(grams, solution.grams) <= _SAME
            if near and permuted_distance(grams, solution.grams, _SAME) <= _SAME:
                solution.ids.append(key)
                break
        else:
            found.append(_Solution(grams, key, [key]))
    return found


def _rows(series: Series, solution: _Solution, query: Query) -> list[Row]:
    """Entries of the matrix of the best run, classes in the order in which its structure shows."""
    key, stage = solution.best, _stages(series.row["L"])[0]
    known = {Stage(layer["layer"], layer["stage"]): layer for layer in select_layers(query.connection, [key])[key]}
    order, _ = class_order(query.connection, key, known, series.row["L"])
    gram = select_matrices(query.connection, key, "gram")[stage][np.ix_(order, order)]
    losses = {run: each for member in series.members for run, each in losses_of(member).items()}
    ratios = [losses[run].over_dnc for run in solution.ids]
    place: Row = {"what": "gram", "series": series.label, "solution": solution.best, "layer": stage.layer}
    place |= {"stage": stage.stage, "symbol": class_means_symbol(stage), "structure": known[stage]["structure"]}
    place |= {"loss": losses[key].own, "ratio": min(ratios), "highest_ratio": max(ratios)}
    place |= {"runs": len(solution.ids), "run_ids": sorted(solution.ids)}
    return [
        {**place, "row": i, "column": j, "class": int(order[j]), "value": float(gram[i, j])}
        for i, j in np.ndindex(gram.shape)
    ]


PLOTS = (Gallery(),)
