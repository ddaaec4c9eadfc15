"""What the cells of a phase diagram can show of their runs: a mean rank, a share, the commonest outcome."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap

from nccli.catalogue.outcomes import DEGENERATE, Outcome
from nccli.figures.cells import WHOLE, Cells, Place
from nccli.figures.figure import Row
from nccli.figures.hidden_ranks import HIDDEN_RANK
from nccli.figures.outcome_categories import CATEGORIES, LOST, category_names, category_of, other_structures
from nccli.figures.series import Series, Values
from nccli.figures.stages import deciding_words, hidden_words
from nccli.figures.statistics import wilson_interval
from nccli.figures.style_sheet import FILLS, OUTLINE
from nccli.figures.text import literal
from nccli.store import in_order

_LOOKS = dict(zip(CATEGORIES, FILLS, strict=True))


class CellContent(ABC):
    """What is shown of the runs of a cell.

    Attributes:
        columns: of table `run` that it needs.
        heeds: options that change it.
        bar: label of the colour bar; "" for none.
        whole: whether the values are counted in whole numbers.
    """

    columns: ClassVar[tuple[str, ...]] = ("outcome", "structure")
    heeds: ClassVar[frozenset[str]] = frozenset()
    bar: str = ""
    whole: ClassVar[bool] = False

    @abstractmethod
    def cell(self, values: Mapping[str, Values], all_runs: bool) -> Row:
        """Of the values of its runs, column by column, the numbers that are drawn, and `runs`, how many they are of."""

    @abstractmethod
    def words(self, series: Sequence[Series], rows: Sequence[Row]) -> list[str]:
        """For the caption."""

    @abstractmethod
    def fill(self, ax: Axes, cells: Cells, rows: Mapping[Place, Row], limits: tuple[float, float]) -> None:
        """Draw the cells that have runs."""

    def left_out(self, rows: Sequence[Row]) -> dict[str, int]:
        """Runs that are left out of means, by outcome."""
        return {}

    def limits(self, rows: Sequence[Row]) -> tuple[float, float]:
        """Of the colours."""
        return 0.0, 1.0

    @property
    def colours(self) -> Colormap | str:
        """Of the bar."""
        return ""

    def names(self, rows: Sequence[Row]) -> dict[str, str]:
        """What the legend tells: names by category."""
        return {}

    def legend(self, ax: Axes, rows: Sequence[Row]) -> None:
        """Put these into the legend."""
        for category, name in self.names(rows).items():
            look = _LOOKS[category]
            ax.fill_between([], [], label=name, facecolor=look["facecolor"], hatch=look["hatch"], **OUTLINE)


class MeanRank(CellContent):
    """Mean rank of the hidden layers; runs that did not learn their classes are left out, if not all are asked for."""

    columns = (HIDDEN_RANK, "outcome")
    heeds = frozenset({"all_runs", "rank_rtol"})
    bar = "mean rank of hidden layers"
    whole = True
    colours = "cividis"

    def cell(self, values: Mapping[str, Values], all_runs: bool) -> Row:
        """Mean and sample standard deviation; None where all runs are left out."""
        kept = np.array([all_runs or outcome not in DEGENERATE for outcome in values["outcome"]])
        ranks = values[HIDDEN_RANK][kept]
        mean = float(ranks.mean()) if len(ranks) else None
        sd = float(ranks.std(ddof=1)) if len(ranks) > 1 else None
        found = {"mean_rank": mean, "sd": sd, "runs": len(ranks), "left_out": int((~kept).sum())}
        return found | {"outcomes": _counts(values)}

    def words(self, series: Sequence[Series], rows: Sequence[Row]) -> list[str]:
        """The layers, and what is left out."""
        lost = self.left_out(rows)
        return [f"colour: mean rank of {hidden_words(series)}", *([f"left out: {told(lost)}"] if lost else [])]

    def left_out(self, rows: Sequence[Row]) -> dict[str, int]:
        """Those that did not learn their classes."""
        return lost_in([row for row in rows if row["left_out"]])

    def limits(self, rows: Sequence[Row]) -> tuple[float, float]:
        """Whole numbers around the ranks."""
        ranks = [row["mean_rank"] for row in rows if row["mean_rank"] is not None] or [0.0]
        low, high = float(np.floor(min(ranks))), float(np.ceil(max(ranks)))
        return (low, high) if high > low else (low - 1.0, high)

    def names(self, rows: Sequence[Row]) -> dict[str, str]:
        """Cells all of whose runs are left out."""
        return {LOST: "all lost classes"} if any(row["mean_rank"] is None for row in rows) else {}

    def fill(self, ax: Axes, cells: Cells, rows: Mapping[Place, Row], limits: tuple[float, float]) -> None:
        """In colours of a scale."""
        known = {place: row["mean_rank"] for place, row in rows.items() if row["mean_rank"] is not None}
        cells.mark(ax, dict.fromkeys(rows.keys() - known.keys(), 1.0), {"facecolor": _LOOKS[LOST]["facecolor"]})
        cells.colour(ax, known, self.colours, *limits)


class Share(CellContent):
    """Share of the runs that end in one of the outcomes."""

    def __init__(self, outcome: Outcome) -> None:
        """Of DNC or SRG."""
        self.outcome = outcome
        self.bar = f"share of {category_of(outcome)}"

    @property
    def colours(self) -> Colormap:
        """From pale to the colour of the outcome."""
        return LinearSegmentedColormap.from_list("share", ["0.94", _LOOKS[category_of(self.outcome)]["facecolor"]])

    def cell(self, values: Mapping[str, Values], all_runs: bool) -> Row:
        """The share with its 95 % Wilson interval."""
        counts = _counts(values)
        count, runs = counts.get(self.outcome.value, 0), sum(counts.values())
        low, high = wilson_interval(count, runs)
        return {"share": count / runs, "low": low, "high": high, "runs": runs, "outcomes": counts}

    def words(self, series: Sequence[Series], rows: Sequence[Row]) -> list[str]:
        """The layers, and how many runs did not learn their classes."""
        lost = lost_in(rows)
        about = f"colour: share of runs that end in {category_of(self.outcome)} in {deciding_words(series)}"
        return [about, *([f"among them {told(lost)}"] if lost else [])]

    def fill(self, ax: Axes, cells: Cells, rows: Mapping[Place, Row], limits: tuple[float, float]) -> None:
        """In colours of a scale."""
        cells.colour(ax, {place: row["share"] for place, row in rows.items()}, self.colours, *limits)


class CommonestOutcome(CellContent):
    """The commonest outcome in its colour, on as large a part of the cell as its share of the runs."""

    def cell(self, values: Mapping[str, Values], all_runs: bool) -> Row:
        """The outcome, of several the first in the order of the catalogue."""
        counts = _counts(values)
        outcome = max(counts, key=lambda name: counts[name])
        count, runs = counts[outcome], sum(counts.values())
        about = {"category": category_of(outcome), "outcome": outcome, "count": count}
        return {**about, "share": count / runs, "runs": runs, "outcomes": counts}

    def words(self, series: Sequence[Series], rows: Sequence[Row]) -> list[str]:
        """The layers, what the areas are, and what is drawn as one."""
        others = other_structures(rows)
        about = f"colour: the commonest outcome in {deciding_words(series)}, on its share of the cell"
        lost = lost_in(rows)
        words = [about, f"other structures: {', '.join(map(literal, others))}" if len(others) > 1 else ""]
        return [*filter(None, words), *([f"among them {told(lost)}"] if lost else [])]

    def names(self, rows: Sequence[Row]) -> dict[str, str]:
        """Those that are the commonest somewhere."""
        return {category: name for category, name in category_names(rows).items() if name}

    def fill(self, ax: Axes, cells: Cells, rows: Mapping[Place, Row], limits: tuple[float, float]) -> None:
        """White, and on it the share."""
        cells.mark(ax, dict.fromkeys(rows, 1.0), WHOLE)
        for category, look in _LOOKS.items():
            fill = {"facecolor": look["facecolor"], "edgecolor": look["ink"], "hatch": look["hatch"] or None}
            own = {place: row["share"] for place, row in rows.items() if row["category"] == category}
            cells.mark(ax, own, {**fill, "linewidth": 0})


SHARE_OF_DNC, SHARE_OF_SRG = Share(Outcome.DNC), Share(Outcome.SRG)


def told(counts: Mapping[str, int]) -> str:
    """Outcomes with how many runs came to each."""
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _counts(values: Mapping[str, Values]) -> dict[str, int]:
    """How many of the runs came to which outcome."""
    found = Counter(values["outcome"].tolist())
    return {name: found[name] for name in in_order(found)}


def lost_in(rows: Sequence[Row]) -> dict[str, int]:
    """How many runs did not learn their classes, by outcome."""
    found: Counter[str] = Counter()
    for row in rows:
        found.update({name: count for name, count in row["outcomes"].items() if name in DEGENERATE})
    return {name: found[name] for name in in_order(found)}
