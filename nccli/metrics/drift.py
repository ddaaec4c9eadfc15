"""Whether a run has settled, from what was measured on its way.

Descent goes down in stairs, each some times longer than the one before, so that time counts in octaves: what a run did
from T/2 to T says what it will do from T to 10 T, and a plateau says little by itself.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from nccli.metrics.spectrum import RANK_RTOL, ZERO_FLOOR

WINDOW = 2
"""Measurements count that were made since the time over this."""

_EARLY, _LATE = (0.5, 0.625), (0.85, 1.0)
"""Measured: parts of the time T whose means are compared; with (T/2, 3T/4) and (3T/4, T) twice as many verdicts are
wrong. Three to five measurements lie in each, against the noise of descent that crosses kinks."""

_FLOOR = 1e-7
"""A bound: singular values below this share of the largest are rounding of a float32 network."""

_AHEAD = math.log2(10)
"""Octaves from T to 10 T."""

LEAST_AGE = 40.0
"""Time constants of weight decay. Measured: of 268 runs 258 change from 10 on, 183 from 40 on."""

_STILL_FROM = 0.575
_MOST_LOSS_FALL = 0.01
_MOST_FALL = 0.1
"""Measured on 268 runs at six settings, judged at 10, 40, 100 and 400 time constants (936 verdicts): of 280 called
settled 4 % change, of 381 that stay 70 % are called so. Such thresholds set on four fifths of the seeds give 5.5 and
72 % on the last fifth; on 52 runs that came later it was 7 % of 42, and 66 % of 59. Of those called settled at 40 time
constants one in nine changes, from 100 on one in 35: a plateau before a step down can look like rest, and no regression
or forest on these and more numbers did better. `tests/bench/settled_runs.py` counts anew."""

_MOST_SHRINKING = math.log(2)
"""A taste: a network that is on its way to zero halves many times in an octave."""


@dataclass(frozen=True)
class Drift:
    """How a run moves at its end.

    With ⟨·⟩_a and ⟨·⟩_b the means over the times T/2 to 5T/8 and 0.85 T to T, τ = ⟨t⟩_b − ⟨t⟩_a:

    Attributes:
        loss_drift: (⟨loss⟩_a − ⟨loss⟩_b) / (τ ⟨loss⟩_b), the relative fall per time constant of weight decay; below 0
            where the loss rises.
        spectral_drift: the largest |⟨ln s_i/s_1⟩_b − ⟨ln s_i/s_1⟩_a| / τ of all singular values that count to a rank,
            of any layer and stage; per time constant.
        settled: whether outcome and ranks would be the same after ten times as long, as far as that can be told.
    """

    loss_drift: float
    spectral_drift: float
    settled: bool


def drift(
    times: Float[np.ndarray, " points"],
    losses: Float[np.ndarray, " points"],
    spectra: Float[np.ndarray, "points stages K"],
    rtol: float = RANK_RTOL,
) -> Drift:
    """How a run moves at its end, from its measurements; only those of the last half of its time count.

    A run is called settled when it is at least 40 time constants old, no rank has changed since 0.575 T, and from the
    early to the late part of that half

    * the loss fell by no more than 1 %,
    * ln s_i/s_1 fell by no more than 0.1 where s_i counts to a rank, and s_1 by no more than half, and
    * no singular value moved so fast towards the threshold of the rank, from above or below, that it would be there at
      ten times the time if it did as much in every octave.

    Args:
        times: of the measurements, in time constants of weight decay (`DufmConfig.decay_time`), rising.
        losses: there.
        spectra: singular values of the class means of every layer and stage, largest first; float32 will do.
        rtol: tolerance of ranks.

    Returns:
        Drifts of nan, and not settled, where there are too few measurements or one is not finite.
    """
    T = float(times[-1])
    early, late = (_within(times, T, part) for part in (_EARLY, _LATE))
    window = times >= _EARLY[0] * T
    known = 0 < T < math.inf and early.any() and late.any()
    if not (known and np.isfinite(losses[window]).all() and np.isfinite(spectra[window]).all()):
        return Drift(math.nan, math.nan, settled=False)
    tau = float(times[late].mean() - times[early].mean())
    loss_fall = float(losses[early].mean() / losses[late].mean() - 1)
    largest = spectra[..., :1].astype(np.float64)
    threshold = np.log(np.maximum(rtol, ZERO_FLOOR / np.maximum(largest, ZERO_FLOOR)))
    x = np.log(np.maximum(spectra / np.maximum(largest, ZERO_FLOOR), _FLOOR))
    above = x - threshold
    moved, now = above[late].mean(axis=0) - above[early].mean(axis=0), above[late].mean(axis=0)
    kept = above > 0
    sizes = np.log(np.maximum(largest, ZERO_FLOOR))
    shrunk = sizes[early].mean(axis=0) - sizes[late].mean(axis=0)
    reach = np.where(kept[-1], -moved, moved) * _AHEAD - np.where(kept[-1], now, -now)
    settled = (
        LEAST_AGE * (1 - 1e-9) <= T
        and bool((kept[times >= _STILL_FROM * T] == kept[-1]).all())
        and loss_fall <= _MOST_LOSS_FALL
        and float(np.max(-moved, where=kept[-1], initial=0.0)) <= _MOST_FALL
        and float(shrunk.max()) <= _MOST_SHRINKING
        and bool((reach <= 0).all())
    )
    change = float(np.max(np.abs(moved), where=kept[-1], initial=0.0))
    return Drift(loss_fall / tau, change / tau, settled)


def _within(times: Float[np.ndarray, " points"], T: float, part: tuple[float, float]) -> Bool[np.ndarray, " points"]:
    """Which measurements lie in a part of the time."""
    return np.asarray((times >= part[0] * T * (1 - 1e-9)) & (times <= part[1] * T * (1 + 1e-9)))
