"""Class means and their Gram matrices as heat maps, layer by layer (Súkeník et al. 2024, Figures 1, 4, 5, 7 and 8)."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.figure import FigureBase

from nccli.catalogue.stages import Stage
from nccli.figures.class_order import class_order, row_order
from nccli.figures.figure import Drawn, Row
from nccli.figures.heat_map_grid import HeatMapGrid
from nccli.figures.layouts import Layout
from nccli.figures.least_loss import LOSSES, least_loss
from nccli.figures.series import Series
from nccli.figures.stages import class_means_symbol, shown_stages
from nccli.figures.store_figure import Collected, Query, Shown, StoreFigure
from nccli.store import SettingRuns, select_layers, select_matrices

BY_STRUCTURE, ALIKE = "ordered by structure", "alike classes side by side"
"""How the classes of a series are ordered."""


@dataclass(frozen=True)
class HeatMaps(StoreFigure):
    """A row of panels for each setting, one a layer; of the runs of a setting the one with the least loss.

    Attributes:
        name: in the catalogue of figures.
        matrix: name in table `matrix`, "gram" or "class_means".
        stages: which layers; None for M_1..M_L and Mt_L.
    """

    name: str
    matrix: str
    stages: tuple[Stage, ...] | None = None
    columns: ClassVar[tuple[str, ...]] = LOSSES
    heeds: ClassVar[frozenset[str]] = frozenset({"raw"})
    nothing: ClassVar[str] = "none of the runs has matrices: they diverged, or were merged without"
    lacking: ClassVar[str] = "no matrices"

    def usable(self, runs: SettingRuns) -> bool:
        """Whatever the losses are."""
        return True

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """Stored matrices of the runs with the least loss."""
        found = (self.run_rows(query, each, least_loss(each)) for each in series)
        return (each for each in found if each is not None)

    def words(self, found: Collected) -> str:
        """Which runs are shown, and in which order their classes are."""
        words = ["of each setting the run with the least loss"] * (found.runs > len(found.shown))
        return "; ".join([*words, *self.order_words(found.traits, found.options.raw)])

    def order_words(self, traits: Container[str], raw: bool) -> list[str]:
        """How rows and columns are ordered."""
        if raw:
            return ["classes and neurons as stored" if self.matrix == "class_means" else "classes as stored"]
        neurons = ["neurons by their classes, those below 1 % of the largest entry left out"] * (
            self.matrix == "class_means"
        )
        if ALIKE not in traits:
            return ["classes in the order of the structure", *neurons]
        if BY_STRUCTURE not in traits:
            return ["no structure in the hidden layers: classes that are alike side by side", *neurons]
        mixed = (
            "classes in the order of the structure of the hidden layers, alike ones side by side where there is none"
        )
        return [mixed, *neurons]

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A row a setting."""
        return self._grid(drawn, width).layout()

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Heat maps."""
        self._grid(drawn, plan.width).draw(container)

    def _grid(self, drawn: Drawn, width: float) -> HeatMapGrid:
        return HeatMapGrid.of(drawn, self.matrix, "class" if self.matrix == "gram" else "neuron", width)

    def run_rows(self, query: Query, series: Series, key: str) -> Shown | None:
        """The matrices of a run, classes in the order in which their structure shows; None if it has none."""
        connection, raw = query.connection, query.options.raw
        layers = select_layers(connection, [key])[key]
        matrices = select_matrices(connection, key, self.matrix)
        if not layers or not matrices:
            return None
        L = series.row["L"]
        known = {Stage(layer["layer"], layer["stage"]): layer for layer in layers}
        order, by_structure = class_order(connection, key, known, L)
        rows: list[Row] = []
        for stage in self.stages or shown_stages(L):
            if stage not in known or stage not in matrices:
                continue
            M = matrices[stage]
            columns = np.arange(M.shape[1]) if raw else order
            lines = columns if self.matrix == "gram" else (np.arange(M.shape[0]) if raw else row_order(M[:, order]))
            place: Row = {"what": self.matrix, "series": series.label, "layer": stage.layer, "stage": stage.stage}
            place |= {"symbol": class_means_symbol(stage), "structure": known[stage]["structure"]}
            shown = M[np.ix_(lines, columns)]
            rows += [
                {
                    **place,
                    "row": i,
                    "column": j,
                    "class": int(columns[j]),
                    "neuron": None if self.matrix == "gram" else int(lines[i]),
                    "value": float(shown[i, j]),
                    "run_ids": [key],
                }
                for i, j in np.ndindex(shown.shape)
            ]
        traits = frozenset({BY_STRUCTURE if by_structure else ALIKE})
        return Shown(series, rows, (key,), len(series.ids), traits)


CLASS_MEANS, GRAM = HeatMaps("class-means", "class_means"), HeatMaps("gram", "gram")
PLOTS = (CLASS_MEANS, GRAM)
