"""Class means and their Gram matrices as heat maps, layer by layer (Súkeník et al. 2024, Figures 1, 4, 5, 7 and 8)."""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import FigureBase
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures.figure import Drawn, Options, Row, StoreFigure
from nccli.figures.layouts import Layout, layout, panels, row_title
from nccli.figures.series import Series, describe, split_series
from nccli.figures.stages import class_means_symbol, require_few, shown_stages
from nccli.metrics import ZERO_FLOOR
from nccli.store import Selection, SettingRuns, Stage, hidden_layers, select_layers, select_matrix, select_settings

_MAP = LinearSegmentedColormap.from_list("nccli", ["#D55E00", "#FFFFFF", "#0072B2"])
_DEAD = 1e-3
_LEAST = 0.38
_SMALL = 7
_CONSTRUCTED = ("dnc", "srg", "graph")
_BAR, _GAP, _BETWEEN = 0.6, 0.07, 0.16
"""Width of the colour bar with its label and of the gap between panels, height between titled rows, in inches."""

_CAPTION = 0.3
"""Height of the small print, in inches."""


@dataclass(frozen=True)
class HeatMaps(StoreFigure):
    """A row of panels for each setting, one a layer; of the runs of a setting the one with the least loss.

    Attributes:
        matrix: name in table `matrix`, "gram" or "class_means".
        stages: which layers; None for M_1..M_L and Mt_L.
        best: of all settings only the run with the least loss over the DNC loss of its problem.
        name, summary, recipe: as of every figure.
    """

    matrix: str
    name: str
    summary: str
    stages: tuple[Stage, ...] | None = None
    best: bool = False
    recipe: Mapping[str, str] = field(default_factory=lambda: {"K": "10", "L": "4", "wd": "4e-3", "seed": "0..9"})
    heeds: ClassVar[frozenset[str]] = frozenset({"raw"})

    def collect(self, connection: Connection, selection: Selection, options: Options) -> Drawn:
        """Stored matrices, classes in the order in which their structure shows."""
        series = split_series(select_settings(connection, selection, ("loss", "loss_dnc", "loss_srg")))
        if self.best:
            return self._collect_best(connection, series, options)
        require_few(series, self.name, connection, selection)
        rows: list[Row] = []
        chosen: list[Series] = []
        ordered: set[bool] = set()
        for each in series:
            found = self._run_rows(connection, each, _least_loss(each), options.raw)
            if found is not None:
                chosen.append(each)
                rows += found[0]
                ordered.add(found[1])
        if not rows:
            raise NothingFoundError("none of the runs has matrices: they diverged")
        runs = sum(len(each.ids) for each in chosen)
        left_out = sum(len(each.ids) for each in series) - runs
        words = ["of each setting the run with the least loss"] * (runs > len(chosen))
        notes = (f"{left_out} runs left out: no matrices",) if left_out else ()
        return Drawn(rows, describe(chosen, runs, "; ".join([*words, *self._order_words(ordered, options.raw)])), notes)

    def _collect_best(self, connection: Connection, series: Sequence[Series], options: Options) -> Drawn:
        every = [member for each in series for member in each.members]
        members = {key: member for member in every for key in member.ids}
        losses = {key: found for member in every for key, found in _losses(member).items()}
        for key in sorted(members, key=lambda key: _preference(members[key].row, losses[key], key)):
            (only,) = split_series([SettingRuns(members[key].row, (key,), {})])
            found = self._run_rows(connection, only, key, options.raw)
            if found is not None:
                rows, ordered = found
                words = _best_words(only.row, losses[key], len(members), len(series))
                return Drawn(rows, describe([only], 1, "; ".join([*words, *self._order_words({ordered}, options.raw)])))
        raise NothingFoundError("none of the runs has matrices: they diverged")

    def _order_words(self, by_structure: Container[bool], raw: bool) -> list[str]:
        """How rows and columns are ordered."""
        if raw:
            return ["classes and neurons as stored" if self.matrix == "class_means" else "classes as stored"]
        neurons = ["neurons by their classes, those at 0 left out"] * (self.matrix == "class_means")
        if False not in by_structure:
            return ["classes in the order of the structure", *neurons]
        if True not in by_structure:
            return ["no structure in the hidden layers: classes that are alike side by side", *neurons]
        mixed = (
            "classes in the order of the structure of the hidden layers, alike ones side by side where there is none"
        )
        return [mixed, *neurons]

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A row a setting."""
        labels = drawn.values("series")
        columns = max(len(self._symbols(drawn, label)) for label in labels)
        titles = [label for label in labels if label]
        in_row = min(columns, max(1, int(width / _LEAST)))
        whole_rows = -(-columns // in_row) * in_row
        square = 1.0 - (_BAR + in_row * (_GAP - _BETWEEN * bool(titles))) / width
        return layout(whole_rows * len(labels), width, in_row, square, _LEAST, _CAPTION, titles)

    def _symbols(self, drawn: Drawn, label: str) -> list[str]:
        return list(dict.fromkeys(row["symbol"] for row in drawn.of(self.matrix, series=label)))

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Heat maps."""
        axes = panels(container, plan)
        labels = drawn.values("series")
        columns = plan.count // len(labels)
        image, square = None, self.matrix == "gram"
        for number, ax in enumerate(axes):
            label, place = labels[number // columns], number % columns
            symbols = self._symbols(drawn, label)
            ax.set_visible(place < len(symbols))
            if place >= len(symbols):
                continue
            symbol = symbols[place]
            entries = drawn.of(self.matrix, series=label, symbol=symbol)
            shape = (1 + max(row["row"] for row in entries), 1 + max(row["column"] for row in entries))
            values = np.zeros(shape)
            for row in entries:
                values[row["row"], row["column"]] = row["value"]
            largest = float(np.abs(values).max())
            largest = largest if largest > ZERO_FLOOR else 1.0
            image = ax.imshow(
                values / largest,
                cmap=_MAP,
                vmin=-1,
                vmax=1,
                aspect="equal" if square else "auto",
                interpolation="nearest",
            )
            ax.grid(False)
            ax.set_xticks([])
            ax.set_yticks([])
            for spine in ax.spines.values():
                spine.set_visible(True)
            ax.set_title(symbol, pad=3)
            ax.set_xlabel(_short(entries[0]["structure"]), fontsize=6.5 if plan.columns < _SMALL else 5, labelpad=2)
            if place == 0:
                ax.set_ylabel("class" if square else "neuron", fontsize=6.5, labelpad=2)
        for start in range(0, len(axes), columns):
            row_title(axes[start : start + columns], labels[start // columns], plan)
        if image is not None:
            bar = container.colorbar(image, ax=axes, fraction=0.025, pad=0.01, aspect=30, ticks=[-1, 0, 1])
            bar.ax.tick_params(labelsize=6.5)
            bar.set_label("entry / largest", fontsize=6.5, labelpad=1)
            bar.outline.set_linewidth(0.4)

    def _run_rows(self, connection: Connection, series: Series, key: str, raw: bool) -> tuple[list[Row], bool] | None:
        """The matrices of a run, and whether a structure orders its classes; None if it has none."""
        layers = select_layers(connection, [key])[key]
        if not layers:
            return None
        L = series.row["L"]
        known = {Stage(layer["layer"], layer["stage"]): layer for layer in layers}
        order, by_structure = _class_order(connection, key, known, L)
        rows: list[Row] = []
        for stage in self.stages or shown_stages(L):
            if stage not in known:
                continue
            M = select_matrix(connection, key, stage.layer, stage.stage, self.matrix)
            columns = np.arange(M.shape[1]) if raw else order
            lines = columns if self.matrix == "gram" else (np.arange(M.shape[0]) if raw else _row_order(M[:, order]))
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
        return rows, by_structure


@dataclass(frozen=True)
class _Losses:
    """Of a run: loss, and over those of DNC and SRG; nan where there are none."""

    own: float
    over_dnc: float
    over_srg: float


def _losses(member: SettingRuns) -> dict[str, _Losses]:
    loss, dnc, srg = (member.values[name] for name in ("loss", "loss_dnc", "loss_srg"))
    columns = (each.tolist() for each in (loss, loss / dnc, loss / srg))
    return {key: _Losses(*found) for key, *found in zip(member.ids, *columns, strict=True)}


def _least_loss(series: Series) -> str:
    losses = {key: found for member in series.members for key, found in _losses(member).items()}
    return min(losses, key=lambda key: (_finite_first(losses[key].own), key))


def _preference(row: Row, losses: _Losses, key: str) -> tuple[Any, ...]:
    """Of trained runs the best first; of constructions the smallest problem, the same for all kinds of them."""
    if row["kind"] in _CONSTRUCTED:
        return (row["n"], row["wd"] or 0.0, row["width"], key)
    return (_finite_first(losses.over_dnc), _finite_first(losses.own), key)


def _best_words(row: Row, losses: _Losses, runs: int, settings: int) -> list[str]:
    """Why this run, and how good it is."""
    of = f"of {runs} runs" + (f" in {settings} settings" if settings > 1 else "")
    if row["kind"] in _CONSTRUCTED:
        return [f"{of} that of the least n and λ"] * (runs > 1)
    if math.isnan(losses.over_dnc):
        return [f"{of} that with the least loss"] * (runs > 1)
    words = [f"loss / DNC loss = {losses.over_dnc:.5g}" + f", the least {of}" * (runs > 1)]
    return words if math.isnan(losses.over_srg) else [*words, f"loss / SRG loss = {losses.over_srg:.5g}"]


def _finite_first(value: float) -> tuple[bool, float]:
    """A value as a key for sorting, those that are not finite last."""
    return (not math.isfinite(value), value if math.isfinite(value) else 0.0)


def _class_order(
    connection: Connection, key: str, known: Mapping[Stage, Row], L: int
) -> tuple[Int[np.ndarray, " K"], bool]:
    """The permutation of the best recognised hidden layer and True; where none is, neighbours are alike, and False."""
    hidden = [known[stage] for stage in hidden_layers(L) if stage in known]
    best = min(hidden or known.values(), key=lambda layer: layer["structure_distance"])
    if best["structure"] != "none":
        return np.array(best["structure_order"]), True
    return _seriation(select_matrix(connection, key, best["layer"], best["stage"], "gram")), False


def _seriation(gram: Float[np.ndarray, "K K"]) -> Int[np.ndarray, " K"]:
    """Leaves of a clustering by angle, ordered so that neighbours are near (Bar-Joseph et al. 2001)."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    norms = np.sqrt(np.diag(gram).clip(min=1e-300))
    distance = 1.0 - gram / np.outer(norms, norms)
    condensed = squareform((distance + distance.T) / 2, checks=False).clip(min=0.0)
    return np.asarray(leaves_list(linkage(condensed, "average", optimal_ordering=True)))


def _row_order(M: Float[np.ndarray, "d K"]) -> Int[np.ndarray, " rows"]:
    """Rows that are not zero, by the first classes that they are large on; so M̃_L has the rows of M_L first."""
    size = np.abs(M).max(axis=1)
    alive = np.flatnonzero(size > _DEAD * size.max(initial=0.0))
    if not alive.size:
        return np.arange(M.shape[0])
    passed = np.maximum(M, 0.0)
    tops = passed.max(axis=1)

    def pattern(row: int) -> tuple[Any, ...]:
        dead = bool(tops[row] <= _DEAD * size.max())
        large = M[row] < -0.5 * size[row] if dead else passed[row] > 0.5 * tops[row]
        return (dead, *(~large).tolist(), row)

    return np.array(sorted(alive.tolist(), key=pattern))


def _short(structure: str | None) -> str:
    return (structure or "").replace(" minus ", "−").replace("SRG ", "").replace(" ⊕ ", "\n⊕ ")


HEAT_MAPS = (
    HeatMaps("class_means", "class-means", "class means by layer as heat maps, classes ordered by structure"),
    HeatMaps("gram", "gram", "Gram matrices of the class means by layer, classes ordered by structure"),
)
