"""Paths as images with straight lines between them, and the loss along them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nccli.dufm.paths.landscape import Landscape, Losses, Vector, Vectors

SAMPLES = 8
"""A taste: points a segment at which a loss is evaluated; more are around the highest of them."""

_FINER = 16
"""A taste: points between two neighbours of the highest point, twice: the height is then off by 1e-5 of its bend."""

_AT_ONCE = 2**22
"""Numbers of points that are evaluated together: a taste, 32 MiB."""


def lengths(images: Vectors) -> Losses:
    """Up to each of the images."""
    steps = np.linalg.norm(np.diff(images, axis=0), axis=1)
    return np.asarray(np.concatenate([[0.0], np.cumsum(steps)]))


def at_lengths(images: Vectors, wanted: Losses, *others: Vectors) -> tuple[Vectors, ...]:
    """Points of a path at such lengths, and what goes with them on the way."""
    along = lengths(images)
    before = np.clip(np.searchsorted(along, wanted, side="right") - 1, 0, len(images) - 2)
    step = along[before + 1] - along[before]
    share = np.divide(wanted - along[before], step, out=np.zeros_like(wanted), where=step > 0)[:, None]
    return tuple(each[before] * (1 - share) + each[before + 1] * share for each in (images, *others))


def evenly(images: Vectors, count: int, *others: Vectors) -> tuple[Vectors, ...]:
    """So many images at equal distances along the path."""
    return at_lengths(images, np.linspace(0.0, lengths(images)[-1], count), *others)


def line(start: Vector, end: Vector, count: int) -> Vectors:
    """Images on the straight line."""
    t = np.linspace(0.0, 1.0, count)[:, None]
    return np.asarray((1 - t) * start + t * end)


@dataclass(frozen=True, eq=False)
class Way:
    """A path.

    Attributes:
        landscape: where it leads.
        images: two or more of its points, straight lines between them.
    """

    landscape: Landscape
    images: Vectors

    def at(self, positions: Losses) -> Vectors:
        """Points at such shares of its length, from 0 to 1."""
        return at_lengths(self.images, positions * lengths(self.images)[-1])[0]

    def losses(self, positions: Losses) -> Losses:
        """There."""
        few = max(1, _AT_ONCE // self.landscape.size)
        parts = (positions[start : start + few] for start in range(0, len(positions), few))
        return np.concatenate([self.landscape.loss(self.at(part)) for part in parts])

    @cached_property
    def top(self) -> tuple[float, float]:
        """Position and loss of the highest of points all along, which are close together around it."""
        along = lengths(self.images)
        if along[-1] == 0.0:
            return 0.0, float(self.landscape.loss(self.images[:1])[0])
        steps = np.linspace(0.0, 1.0, SAMPLES, endpoint=False)
        at = np.append((along[:-1, None] + steps * np.diff(along)[:, None]).ravel(), along[-1]) / along[-1]
        losses = self.losses(at)
        for _ in range(2):
            top = int(losses.argmax())
            more = np.linspace(at[max(top - 1, 0)], at[min(top + 1, len(at) - 1)], _FINER + 2)[1:-1]
            at, losses = np.append(at, more), np.append(losses, self.losses(more))
            order = np.argsort(at, kind="stable")
            at, losses = at[order], losses[order]
        top = int(losses.argmax())
        return float(at[top]), float(losses[top])

    @property
    def ends(self) -> tuple[float, float]:
        """Losses at both."""
        first, last = self.landscape.loss(self.images[[0, -1]])
        return float(first), float(last)
