"""Counts and spread in words, the same in every row."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd


def of(truths: Iterable[Any]) -> str:
    """As "9 of 10"."""
    values = [bool(each) for each in truths]
    return f"{sum(values)} of {len(values)}"


def spread(values: Iterable[Any], digits: int = 3) -> str:
    """As "6.7 ± 1.1, 5 … 8": mean, sample standard deviation, least and largest."""
    array = np.asarray(list(values), dtype=float)
    if not len(array):
        return "none"
    sd = f" ± {array.std(ddof=1):.2g}" if len(array) > 1 else ""
    least, most = (f"{value:.{digits}g}" for value in (array.min(), array.max()))
    return f"{array.mean():.{digits}g}{sd}, {least} … {most}" if len(array) > 1 else f"{array[0]:.{digits}g}"


def spearman(x: Iterable[Any], y: Iterable[Any]) -> float:
    """Spearman's ρ of two columns; nan where one of them is a constant."""
    ranks = [pd.Series(list(each), dtype=float).rank() for each in (x, y)]
    return float("nan") if any(each.nunique() < 2 for each in ranks) else float(np.corrcoef(*ranks)[0, 1])


def several(parts: Iterable[str]) -> str:
    """Findings one after another."""
    return "; ".join(parts)
