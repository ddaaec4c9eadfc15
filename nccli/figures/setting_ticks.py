"""Axes of settings: ticks at the values that runs have, as many as fit."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from nccli.figures.axes import BESIDE, MARGIN
from nccli.figures.layouts import Layout
from nccli.figures.text import width_of

_TICK_TEXT, _TICK_GAP, _LONG_TICK = 8.0, 0.15, 1e6
"""Points of the text at ticks, as in the style sheet; inches between two, and whole numbers not written out: taste."""


def settings_axis(ax: Axes, values: Iterable[float], log: bool, label: str, plan: Layout) -> float:
    """Scale, label and ticks of a horizontal axis of settings: ticks at the commonest values that fit side by side.

    Args:
        ax: the panel.
        values: one for each point.
        log: whether the axis is logarithmic.
        label: of the axis.
        plan: of the panels.

    Returns:
        Points between the two values that are nearest.
    """
    common = Counter(values)
    shown = sorted(common)
    if log:
        ax.set_xscale("log")
    places = np.log(shown) if log else np.asarray(shown, dtype=float)
    inch = (plan.width / plan.columns - BESIDE) * (1 - 2 * MARGIN) / (float(np.ptp(places)) or 1.0)
    texts = [_tick(value) for value in shown]
    room = [width_of(text, _TICK_TEXT) / 2 + _TICK_GAP / 2 for text in texts]

    kept = _that_fit(places * inch, room, [common[value] for value in shown])
    ax.xaxis.set_major_locator(FixedLocator([shown[i] for i in kept]))
    ax.xaxis.set_major_formatter(FixedFormatter([texts[i] for i in kept]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(label)
    return 72 * inch * float(np.diff(places).min(initial=np.inf))


def _that_fit(places: Float[np.ndarray, " ticks"], room: Sequence[float], weight: Sequence[int]) -> list[int]:
    """Which ticks are written: both ends, then those of most weight that still have room beside what is written.

    Args:
        places: in inches.
        room: inches that the text of each takes to either side.
        weight: of each.
    """
    kept: list[int] = []
    ends = (0, len(places) - 1)
    for i in sorted(range(len(places)), key=lambda i: (i not in ends, -weight[i], i)):
        if all(abs(float(places[j] - places[i])) >= room[i] + room[j] for j in kept):
            kept.append(i)
    return sorted(kept)


_LINE = 0.15
"""Inches of a tick's text beside a vertical axis, with room; taste."""


def upright_settings_axis(ax: Axes, values: Sequence[float], log: bool, label: str, inches: float) -> None:
    """Scale, label and ticks of a vertical axis of settings: ticks at those of the values that fit one above another.

    Args:
        ax: the panel.
        values: in increasing order.
        log: whether the axis is logarithmic.
        label: of the axis.
        inches: from the first of the values to the last.
    """
    if log:
        ax.set_yscale("log")
    places = np.log(values) if log else np.asarray(values, dtype=float)
    at = places * inches / (float(np.ptp(places)) or 1.0)
    kept = _that_fit(at, [_LINE / 2] * len(values), [1] * len(values))
    ax.yaxis.set_major_locator(FixedLocator([values[i] for i in kept]))
    ax.yaxis.set_major_formatter(FixedFormatter([_tick(values[i]) for i in kept]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_ylabel(label)


def _tick(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < _LONG_TICK else f"{value:.3g}"
