"""Which rows of the features are of which class, and how many samples stand behind each.

Rows lie class after class: all samples of a class next to each other, or one row a class at a collapsed point.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Float, Int

from nccli.dufm.config import DufmConfig


@dataclass(frozen=True)
class ClassBlock:
    """Classes next to each other of as many rows each.

    Attributes:
        rows: theirs.
        classes: how many they are.
        each: rows of each.
    """

    rows: slice
    classes: int
    each: int


def class_blocks(config: DufmConfig, rows: int) -> Iterator[ClassBlock]:
    """All classes as blocks, in order; one block where classes have one size.

    Args:
        config: of the run.
        rows: of the features, N or K.
    """
    begin = 0
    for each, alike in groupby(rows_of_classes(config, rows).tolist()):
        classes = len(list(alike))
        yield ClassBlock(slice(begin, begin + classes * each), classes, each)
        begin += classes * each


def samples_behind(config: DufmConfig) -> int | Float[np.ndarray, "K 1"]:
    """Samples behind each row of a collapsed point: n, or a column of n_k where classes differ."""
    return config.n if config.class_counts is None else np.array(config.class_counts, dtype=np.float64)[:, None]


def rows_of_classes(config: DufmConfig, rows: int) -> Int[np.ndarray, " K"]:
    """Rows of each class where there are so many in all, N or K."""
    if config.class_counts is None or rows == config.K:
        return np.full(config.K, rows // config.K)
    return np.array(config.class_counts)
