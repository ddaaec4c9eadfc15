"""How many samples each class has, where classes are not of one size (theory sheet, section 7)."""

import math
from collections.abc import Sequence

from nccli.errors import InputError

_MOST_SAMPLES = 2**31 - 1
"""A bound: what the store's columns hold."""


def step_imbalance(K: int, n: int, ratio: float) -> tuple[int, ...]:
    """Step imbalance: the first ⌈K/2⌉ classes have n samples each, the others max(1, round(n/ratio)).

    Args:
        K: number of classes.
        n: samples of a large class.
        ratio: R, at least 1; 1 for classes of one size.

    Raises:
        InputError: the ratio is below 1, or no number.
    """
    if not (ratio >= 1 and math.isfinite(ratio)):
        raise InputError(f"imbalance = {ratio:g}: must be a ratio of at least 1, largest over smallest class")
    large = -(-K // 2)
    return (n,) * large + (max(1, round(n / ratio)),) * (K - large)


def sound_counts(counts: Sequence[int], K: int) -> tuple[int, ...]:
    """Samples of each class, in the order of the classes.

    Raises:
        InputError: not one for each of K classes, one that is no positive integer, or too many in all.
    """
    if len(counts) != K:
        raise InputError(f"class-counts: {len(counts)} counts for K = {K} classes: give one a class")
    for count in counts:
        if isinstance(count, bool) or count != int(count) or count < 1:
            raise InputError(f"class-counts: {count} is no number of samples: each must be an integer of at least 1")
    if sum(counts) > _MOST_SAMPLES:
        raise InputError(f"class-counts: {sum(counts)} samples in all: must be at most {_MOST_SAMPLES}")
    return tuple(map(int, counts))


def unequal_counts(counts: Sequence[int] | None) -> tuple[int, ...] | None:
    """The counts where they differ, None where all classes have one size."""
    return None if counts is None or len(set(counts)) == 1 else tuple(counts)


def imbalance(counts: Sequence[int] | None) -> float:
    """Largest over smallest class; 1 for None, classes of one size."""
    return 1.0 if counts is None else max(counts) / min(counts)


def counts_text(counts: Sequence[int]) -> str:
    """Counts as configurations, columns and options have them: 100,100,10."""
    return ",".join(map(str, counts))


def parse_counts(text: str) -> tuple[int, ...]:
    """The inverse of `counts_text`.

    Raises:
        InputError: an entry is no positive integer.
    """
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if not (part.isascii() and part.isdigit() and int(part) > 0):
            raise InputError(f"class-counts '{part}': must be positive integers with commas between, as 100,100,10")
    return tuple(map(int, parts))
