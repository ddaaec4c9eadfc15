"""The loss over the steps of training beside the losses that are known, and the part of it that is worth a look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nccli.figures.axes import apart, inner_reference
from nccli.figures.figure import Drawn, Row
from nccli.figures.over_steps import steps_axis
from nccli.store import problem_of
from nccli.theory import best_known, has_bipartition, solve_bipartition

_NAME = 0.05
"""Half the height of a name in a panel; taste."""

_ABOVE, _ABOVE_ALONE, _BELOW = 1.25, 4.0, 0.06
"""Times the highest of the losses that are known or reached, where the axis ends, for the gap between losses and theory
is what it is for; the same where nothing is known; and the empty part of it below the least. Tastes."""

_SAME = 1e-6
"""Relative difference of losses that are one line to the eye; taste."""


@dataclass(frozen=True)
class Window:
    """What is seen of the losses of a setting.

    Attributes:
        bottom, top: of the axis of losses.
        first, last: step at which the first of the runs comes below the top, and the last of all.
        over_dnc: whether losses are over that of DNC.
    """

    bottom: float
    top: float
    first: int
    last: int
    over_dnc: bool


def known_losses(run: Row) -> Mapping[str, float]:
    """Of the problem of a run: DNC, SRG, bipartition rows, the best known; none where theory does not apply."""
    if run["kind"] == "e2e" and run["config"].get("reg") != "dufm":
        return {}
    known: dict[str, float] = {}
    for name, column in (("DNC", "loss_dnc"), ("SRG", "loss_srg")):
        if run[column] is not None:
            known[name] = run[column]
    problem = problem_of(run)
    if problem is None or "DNC" not in known:
        return known
    found = {"bipartition": solve_bipartition(problem).loss} if has_bipartition(problem) else {}
    found["best known"] = best_known(problem).loss
    for name, loss in found.items():
        if loss < (1 - _SAME) * min(known.values()):
            known[name] = loss
    return known


def window_of(drawn: Drawn, label: str) -> Window:
    """What is seen of the losses of a setting: all that are known or reached, and as much above."""
    curves = [*drawn.of("run", series=label), *drawn.of("loss", series=label)]
    levels = drawn.of("reference", series=label)
    last = max(row["step"] for row in curves)
    ends: dict[str, Any] = {}
    for row in curves:
        key = row["run_ids"][0]
        ends[key] = max(ends.get(key, row), row, key=lambda each: each["step"])
    reached = [row["mean"] for row in (*ends.values(), *levels)]
    bottom = min(row["low"] for row in (*curves, *levels))
    over_dnc = any(row["symbol"] == "DNC" for row in levels)
    top = min((_ABOVE if over_dnc else _ABOVE_ALONE) * max(reached), max(row["high"] for row in (*curves, *levels)))
    top = max(top, 1.01 * max(reached))
    first = min((row["step"] for row in curves if row["low"] <= top), default=0)
    margin = _BELOW * (top - bottom)
    return Window(bottom - margin, top, first, last, over_dnc)


def draw_references(ax: Axes, rows: Sequence[Row], seen: Window) -> None:
    """Lines of theory, dashed DNC and dotted others; named at the left, where runs are still above them: the lowest of
    several above it, the others below.
    """
    shown = sorted(rows, key=lambda row: row["mean"])
    sides = [1 if place == 0 and len(shown) > 1 else -1 for place in range(len(shown))]
    heights = [(row["mean"] - seen.bottom) / (seen.top - seen.bottom) for row in shown]
    named = [height + _NAME * side for height, side in zip(heights, sides, strict=True)]
    for row, side, shift in zip(shown, sides, apart(named), strict=True):
        inner_reference(ax, row["mean"], row["symbol"], row["symbol"] == "DNC", side, shift)


def losses_axis(ax: Axes, seen: Window) -> None:
    """Steps along the axis from where losses come into view, and losses."""
    steps_axis(ax, "loss / DNC loss" if seen.over_dnc else "loss", seen.last, first=seen.first)
    ax.set_ylim(seen.bottom, seen.top)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4))
