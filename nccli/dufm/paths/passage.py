"""How high the loss rises on the way from one point to another: as they are, aligned, and over a relaxed path."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nccli.dufm.config import DufmConfig
from nccli.dufm.paths.alignment import Alignment, features
from nccli.dufm.paths.band import FLAT, IMAGES, Band, Tick, magnified, relaxed
from nccli.dufm.paths.classes import Grams, matchings
from nccli.dufm.paths.compact import balanced, compact, resized
from nccli.dufm.paths.landscape import Landscape
from nccli.dufm.paths.polyline import Way, evenly
from nccli.dufm.paths.saddle import Saddle, saddle_near
from nccli.dufm.paths.starts import Ends, first_paths
from nccli.dufm.start import StartPoint

_MATCHINGS = 3
"""A taste: permutations of the classes that are tried for the straight line."""

_FINALISTS = 6
"""A taste: paths that are looked at more closely."""

_SHARES = (1.0, 0.3, 0.3, 0.1, 0.1, 0.1)
"""Tastes: of the step size, for the lowest of all; with smaller steps images settle nearer to kinks."""

_ALIKE = 1.1
"""A taste: rises up to so many times the least count as the same."""

_WORTH = 0.01
"""A taste: fall of the rise, relative, for which the highest stretch is magnified again."""

_ROUNDS = 6
"""A taste: how often, at most."""


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The lowest path that was found.

    Attributes:
        way: it; its top is an upper bound of what has to be climbed.
        starts: paths that descended.
        alike: how many of those that were looked at more closely came down to about the same height.
        steps: of all images together, over all paths.
        saddle: what is stationary near its top; None where that is not looked for.
    """

    way: Way
    starts: int
    alike: int
    steps: int
    saddle: Saddle | None


@dataclass(frozen=True, eq=False)
class Passage:
    """Between two points.

    Attributes:
        losses: of the two, as collapsed points.
        stored: straight from one to the other as they are.
        straight: to the copy of the other for which it is lowest; the way to balanced weights, downhill, is left out.
        distance: to that copy, over the root of the sum of squares of both.
        relaxed: None where the straight line does not rise above its ends.
        width: in which all but `stored` was done: units that are dead in both need no place.
    """

    losses: tuple[float, float]
    stored: Way
    straight: Way
    distance: float
    relaxed: Relaxed | None
    width: int


def passage(
    config: DufmConfig, one: StartPoint, other: StartPoint, starts: int, tell: Callable[[float], None]
) -> Passage:
    """Find paths between two points of one problem.

    Args:
        config: of the problem, with its n.
        one, other: class means and weights, of any widths.
        starts: paths that descend; more find lower ones.
        tell: called now and then with the share that is done; may raise to stop.
    """
    width = max(len(one.means), len(other.means))
    whole = Landscape(config, width)
    own = [whole.vector(resized(point, width)) for point in (one, other)]
    losses = whole.loss(np.array(own))
    stored = Way(whole, np.array(own))
    slim = [compact(whole.config, balanced(whole.config, point)) for point in (one, other)]
    needed = min(width, sum(len(point.means) for point in slim))
    landscape = Landscape(config, needed)
    ends = _ends(landscape, *(resized(point, needed) for point in slim))
    straight, distance = _straight(ends)
    found = None
    if straight.top[1] > max(straight.ends) + FLAT:
        found = _lowest(ends, straight, starts, tell)
    return Passage((float(losses[0]), float(losses[1])), stored, straight, distance, found, needed)


def _ends(landscape: Landscape, start: StartPoint, end: StartPoint) -> Ends:
    config = landscape.config
    matched = matchings(_grams(config, start), _grams(config, end), _MATCHINGS)
    return Ends(landscape, start, end, Alignment(config, start, end), matched)


def _grams(config: DufmConfig, point: StartPoint) -> Grams:
    """Of all layers before and after activation, and of the rows of W_L: of unit norm, zero where the layer is."""
    after = features(config, point)
    sets = [*after, *(W @ M for W, M in zip(point.weights, after, strict=True)), point.weights[-1].T]
    found = np.array([M.T @ M for M in sets])
    norms = np.linalg.norm(found, axis=(1, 2), keepdims=True)
    return np.asarray(np.divide(found, norms, out=np.zeros_like(found), where=norms > 0))


def _straight(ends: Ends) -> tuple[Way, float]:
    """The lowest line to a copy, and how far that is."""
    best: tuple[Way, float] | None = None
    for classes in ends.matched:
        for apart in ((), tuple(ends.layers)):
            images = ends.line(ends.alignment.near(classes, apart))[[0, -1]]
            seen = Way(ends.landscape, images)
            if best is None or seen.top[1] < best[0].top[1] - FLAT:
                best = seen, float(np.linalg.norm(images[1] - images[0]) / np.linalg.norm(images))
    assert best is not None
    return best


def _lowest(ends: Ends, straight: Way, starts: int, tell: Callable[[float], None]) -> Relaxed:
    """Let paths descend, and the lowest of them further."""
    landscape, tried = ends.landscape, list[Band]()
    least = float(landscape.loss(np.array([landscape.vector(p) for p in (ends.start, ends.end)])).max())
    for number, images in enumerate(first_paths(ends, starts)):
        tick = _ticking(tell, 0.6 * number / starts)
        tick()
        descended = relaxed(landscape, Band.at(landscape, images), 1.0, tick)
        tried.append(magnified(landscape, descended, 1.0, tick) if descended.height > least + FLAT else descended)
        if tried[-1].height <= least + FLAT:
            break
    tried.sort(key=lambda band: band.height)
    steps = sum(band.steps for band in tried)
    if tried[0].height <= least + FLAT:
        return Relaxed(Way(landscape, tried[0].images), len(tried), 1, steps, None)
    finals = []
    for number, band in enumerate(tried[:_FINALISTS]):
        finals.append(_magnified_on(landscape, band, least, _ticking(tell, 0.6 + 0.2 * number / _FINALISTS)))
        steps += finals[-1].steps - band.steps
    best = before = min(finals, key=lambda band: band.height)
    for number, share in enumerate(_SHARES):
        best = magnified(landscape, best, share, _ticking(tell, 0.8 + 0.1 * number / len(_SHARES)))
    if straight.top[1] < best.height:
        best = replace(best, images=evenly(straight.images, IMAGES)[0], height=straight.top[1])
    alike = sum(band.height - least < _ALIKE * (best.height - least) + FLAT for band in finals)
    way = Way(landscape, best.images)
    steps += best.steps - before.steps
    return Relaxed(way, len(tried), alike, steps, saddle_near(way, _ticking(tell, 0.9)))


def _magnified_on(landscape: Landscape, band: Band, least: float, tick: Tick) -> Band:
    """Magnified again and again, as long as that is worth it."""
    for _ in range(_ROUNDS):
        before = band.height
        band = magnified(landscape, band, 1.0, tick)
        if before - band.height < _WORTH * (before - least):
            break
    return band


def _ticking(tell: Callable[[float], None], done: float) -> Tick:
    return lambda: tell(done)
