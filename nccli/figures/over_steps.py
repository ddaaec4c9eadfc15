"""Quantities over the steps of training: curves with their bands, and the axes that they go on."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from nccli.figures.figure import Row
from nccli.figures.statistics import mean_sd
from nccli.figures.style_sheet import line_only

_LINEAR = 10
"""Steps that are drawn evenly, before the axis becomes logarithmic; taste: step 0 has to be on it."""

_UNEVEN = 4.0
"""Largest gap between steps over the usual one, up to which the axis stays linear; taste."""

_MARGIN, _NEAR, _MANY_DECADES = 0.02, 2.5, 2.0
"""Empty part at the ends of the axis; ratio of the last step to the first up to which it is linear, and decades from
which on only these have ticks; tastes."""

Curve = Float[np.ndarray, " steps"]


def band_of(values: Float[np.ndarray, "runs steps"]) -> tuple[Curve, Curve, Curve]:
    """Mean, and mean minus and plus one standard deviation."""
    mean, sd = mean_sd(values)
    return (mean, mean, mean) if sd is None else (mean, mean - sd, mean + sd)


def range_of(values: Float[np.ndarray, "runs steps"]) -> tuple[Curve, Curve, Curve]:
    """Mean, least and largest: what a mean has on either side where values are bounded, as ranks are."""
    return mean_sd(values)[0], values.min(axis=0), values.max(axis=0)


def curve_rows(place: Row, steps: Int[np.ndarray, " steps"], mean: Curve, low: Curve, high: Curve) -> list[Row]:
    """A row a step; there is no geometric mean where DNC1 is 0."""
    points = zip(steps.tolist(), mean.tolist(), low.tolist(), high.tolist(), strict=True)
    return [
        {**place, "step": step, "mean": centre, "low": least, "high": most}
        for step, centre, least, most in points
        if place["what"] != "dnc1" or not math.isnan(centre)
    ]


def draw_band(ax: Axes, rows: Sequence[Row], look: dict[str, Any], symbol: str) -> None:
    """A curve of rows in the look without its marker, and its band."""
    steps = [row["step"] for row in rows]
    ax.plot(steps, [row["mean"] for row in rows], label=symbol, **line_only(look))
    low, high = [row["low"] for row in rows], [row["high"] for row in rows]
    ax.fill_between(steps, low, high, color=look["color"], alpha=0.15, linewidth=0)


def evenly(steps: Sequence[int]) -> bool:
    """Whether steps lie so evenly that an axis of decades would push them together."""
    gaps = np.diff(sorted(set(steps)))
    return not gaps.size or bool(gaps.max() <= _UNEVEN * np.median(gaps))


def steps_axis(ax: Axes, quantity: str, last: int, even: bool = False, first: int = 0) -> None:
    """Steps along the axis from the first to the last, logarithmic from some on unless they are even."""
    if even or last <= _LINEAR:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    elif first > last / _NEAR:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
        ax.xaxis.set_major_formatter(lambda step, _: _short(step))
        ax.set_xlim(first, last)
    elif first > _LINEAR:
        ax.set_xscale("log")
        ax.set_xlim(first, last * (last / first) ** _MARGIN)
        decades = math.log10(last / first)
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if decades > _MANY_DECADES else (1.0, 2.0, 5.0)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(lambda step, _: _short(step))
    else:
        ax.set_xscale("symlog", linthresh=_LINEAR, linscale=0.5)
    ax.set_xlabel("step")
    ax.set_ylabel(quantity)
    if first <= _LINEAR:
        ax.margins(x=_MARGIN)


def _short(step: float) -> str:
    """A number of steps as a tick: 500, 2k, 100k."""
    return f"{step:g}" if step < 1000 else f"{step / 1000:g}k"


def collapse_axis(ax: Axes) -> None:
    """DNC1 in decades; words where it is 0 throughout."""
    if any(len(line.get_xdata()) for line in ax.lines):  # type: ignore[arg-type]  # matplotlib types it as ArrayLike
        ax.set_yscale("log")
    else:
        ax.set(xticks=[], yticks=[])
        ax.text(0.5, 0.5, "0: one sample\na class", transform=ax.transAxes, ha="center", va="center", fontsize=8)
