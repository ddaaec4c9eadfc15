"""Summaries over runs."""

from collections.abc import Sequence

import numpy as np


def geometric_range(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Geometric mean, least and largest of the positive values; None if there are none."""
    positive = np.array([value for value in values if 0 < value < np.inf])
    if positive.size == 0:
        return None
    return float(np.exp(np.mean(np.log(positive)))), float(positive.min()), float(positive.max())
