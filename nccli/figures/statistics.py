"""Summaries over runs, which lie along the first axis."""

import numpy as np
from jaxtyping import Float

Array = Float[np.ndarray, "..."]


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
