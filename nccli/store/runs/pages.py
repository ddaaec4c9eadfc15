"""Long lists a part at a time, so that what is read of each part is small."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 50
"""Whole runs in memory at once: some MiB each at most, by a bound on their sizes."""


def pages(items: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """The parts, in order."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
