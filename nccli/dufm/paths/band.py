"""Paths that fall to where no direction across them leads down: the string method (E, Ren and Vanden-Eijnden 2007).

Images between two fixed ends descend, by heavy-ball, and are set at equal distances again after each step. Where the
path is highest it is then magnified: a few images around become many, and descend further.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nccli.dufm.paths.landscape import Landscape, Vectors
from nccli.dufm.paths.polyline import Way, evenly, lengths

IMAGES = 25
"""A taste: twice as many find the same passages at twice the cost."""

_MOMENTUM = 0.9
"""A taste."""

_TIME_CONSTANTS, _FEWEST, _MOST = 8.0, 100, 800
"""Tastes: how long a path descends, in time constants of weight decay, and in steps."""

_LOOK = 50
"""Steps between looks at the whole path; a taste: a tenth of the time."""

_HALVINGS, _RUNAWAY = 12, 4.0
"""A bound of the times that the step is halved, and a taste: how often its first height a path that runs away has."""

FLAT = 1e-12
"""A bound: rise above the higher end, of losses up to 1/2, that is rounding."""

_WINDOW = 4
"""Images to either side of the highest that are magnified; a taste."""

Tick = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Band:
    """A path on its way down.

    Attributes:
        images: its points; its ends are fixed.
        height: largest loss along it.
        steps: taken so far, by all images of a stretch at once.
    """

    images: Vectors
    height: float
    steps: int = 0

    @classmethod
    def at(cls, landscape: Landscape, images: Vectors, steps: int = 0) -> "Band":
        """As it is."""
        return cls(images, Way(landscape, images).top[1], steps)


def relaxed(landscape: Landscape, band: Band, share: float, tick: Tick) -> Band:
    """A band that has descended.

    Args:
        landscape: where.
        band: that begins; its images are set at equal distances.
        share: of the step size that its sharpest image allows.
        tick: called now and then; may raise to stop.
    """
    images = evenly(band.images, len(band.images))[0]
    if lengths(images)[-1] == 0.0:
        return band
    first = landscape.loss(images).max()
    rate, best = share / landscape.sharpness(images), band
    for _ in range(_HALVINGS):
        found = _descended(landscape, images, best, rate, float(first), tick)
        if found is not None:
            return found
        rate /= 2
    return best


def _descended(landscape: Landscape, images: Vectors, best: Band, rate: float, first: float, tick: Tick) -> Band | None:
    """The lowest of the bands on the way down; None where it runs away."""
    speed, begun, floor = np.zeros_like(images), best.steps, float(landscape.loss(images[[0, -1]]).max())
    steps = int(np.clip(_TIME_CONSTANTS * (1 - _MOMENTUM) / (rate * landscape.decay.min()), _FEWEST, _MOST))
    for step in range(1, steps + 1):
        losses, slope = landscape.slopes(images[1:-1])
        if not losses.max() < _RUNAWAY * first:
            return None
        speed[1:-1] = _MOMENTUM * speed[1:-1] - rate * slope
        images, speed = evenly(images + speed, len(images), speed)
        if step % _LOOK == 0 or step == steps:
            tick()
            seen = Band.at(landscape, images, begun + step)
            best = seen if seen.height < best.height else best
            if best.height <= floor + FLAT:
                break
    return Band(best.images, best.height, begun + step)


def magnified(landscape: Landscape, band: Band, share: float, tick: Tick) -> Band:
    """A band whose highest stretch has descended further with more images; the same where that does not lower it."""
    top = int(np.argmax(landscape.loss(band.images)[1:-1])) + 1
    low, high = max(top - _WINDOW, 0), min(top + _WINDOW, len(band.images) - 1)
    stretch = evenly(band.images[low : high + 1], IMAGES)[0]
    found = relaxed(landscape, Band.at(landscape, stretch, band.steps), share, tick)
    whole = np.concatenate([band.images[:low], found.images, band.images[high + 1 :]])
    spliced = Band.at(landscape, whole, found.steps)
    return spliced if spliced.height < band.height else Band(band.images, band.height, found.steps)
