"""Summaries over runs, which lie along the first axis, and the interval of a share."""

import math

import numpy as np
from jaxtyping import Float

Array = Float[np.ndarray, "..."]

_NORMAL_QUANTILE = 1.959963984540054
"""Of 0.975: 95 % lie within so many standard deviations."""


def mean_sd(values: Float[np.ndarray, "runs *rest"]) -> tuple[Array, Array | None]:
    """Mean and sample standard deviation, not finite unless all values are; None for the latter of a single run.

    Runs that agree have a deviation of exactly 0.
    """
    with np.errstate(invalid="ignore"):
        deviation = values - values[0]
        mean = values[0] + deviation.mean(axis=0)
        return mean, None if len(values) == 1 else deviation.std(axis=0, ddof=1)


def geometric_range(values: Float[np.ndarray, "runs *rest"]) -> tuple[Array, Array, Array]:
    """Geometric mean, least and largest of the positive finite values; nan where there are none."""
    positive = (values > 0) & (values < np.inf)
    some = positive.any(axis=0)
    logs = np.log(np.where(positive, values, 1.0))
    mean = np.exp(logs.sum(axis=0) / np.maximum(positive.sum(axis=0), 1))
    low, high = np.where(positive, values, np.inf).min(axis=0), np.where(positive, values, -np.inf).max(axis=0)
    return np.where(some, mean, np.nan), np.where(some, low, np.nan), np.where(some, high, np.nan)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share (Wilson 1927); within [0, 1], and not empty at 0 or 1."""
    z, p = _NORMAL_QUANTILE, successes / trials
    centre = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))
    return min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half))
