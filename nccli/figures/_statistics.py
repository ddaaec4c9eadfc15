"""Summaries over runs."""

from collections.abc import Sequence
from statistics import fmean, stdev

import numpy as np


def mean_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; None for the latter of a single value."""
    return fmean(values), stdev(values) if len(values) > 1 else None


def geometric_range(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Geometric mean, least and largest of the positive values; None if there are none."""
    positive = np.array([value for value in values if 0 < value < np.inf])
    if positive.size == 0:
        return None
    return float(np.exp(np.mean(np.log(positive)))), float(positive.min()), float(positive.max())
