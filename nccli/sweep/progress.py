"""What is seen of a sweep on its way."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from nccli.sweep.job import Part

P = TypeVar("P")


@dataclass(frozen=True)
class SweepProgress(Generic[P]):
    """State of a sweep.

    Attributes:
        part: which part of it is in hand.
        inner: what is seen of that, `nccli.dufm.progress.Progress` or `nccli.e2e.result.NetworkProgress`.
    """

    part: Part
    inner: P
