"""Where paths begin that then descend: to copies of the other end that are near, or apart in some of the layers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from jaxtyping import Float

from nccli.dufm.paths.alignment import Alignment, Classes, Symmetry
from nccli.dufm.paths.band import IMAGES
from nccli.dufm.paths.landscape import Landscape, Vectors
from nccli.dufm.paths.polyline import line
from nccli.dufm.start import StartPoint

_STAGGERS = (2.0, 4.0, 1.0)
"""Tastes: by how many times the time that a class takes the last one begins later than the first."""


@dataclass(frozen=True, eq=False)
class Ends:
    """Two points, and what paths between them are made of.

    Attributes:
        landscape: where both are.
        start, end: the points.
        alignment: of the end to the start.
        matched: permutations of the classes under which they are alike, the best first.
    """

    landscape: Landscape
    start: StartPoint
    end: StartPoint
    alignment: Alignment
    matched: Sequence[Classes]

    @property
    def layers(self) -> range:
        """1..L."""
        return range(1, self.landscape.config.L + 1)

    def line(self, symmetry: Symmetry) -> Vectors:
        """Straight to a copy of the end."""
        vector = self.landscape.vector
        return line(vector(self.start), vector(symmetry.of(self.end)), IMAGES)

    def exchange(self, symmetry: Symmetry, begin: Float[np.ndarray, " K"], takes: float) -> Vectors:
        """To a copy that shares no units: one network fades while the other grows, each class from its own moment on.

        A network that is multiplied by x^{1/(L+1)} in each of its matrices has x times its output.

        Args:
            symmetry: of the copy.
            begin: moment of each class, from 0 to 1 − takes.
            takes: time that a class takes.
        """
        copy, vector = symmetry.of(self.end), self.landscape.vector
        shares = ((t - begin) / takes for t in np.linspace(0.0, 1.0, IMAGES))
        pairs = ((_faded(self.start, 1 - x), _faded(copy, x)) for x in (share.clip(0.0, 1.0) for share in shares))
        return np.array([vector(old) + vector(new) for old, new in pairs])


def _faded(point: StartPoint, share: Float[np.ndarray, " K"]) -> StartPoint:
    """With the shares of its output, class by class, where classes do not mix."""
    L = len(point.weights)
    most = float(share.max()) ** (1 / (L + 1))
    outer = np.sqrt(share / most ** (L - 1)) if most > 0 else np.zeros_like(share)
    hidden = tuple(most * W for W in point.weights[:-1])
    return StartPoint(point.means * outer, (*hidden, point.weights[-1] * outer[:, None]))


def first_paths(ends: Ends, count: int) -> Iterator[Vectors]:
    """So many paths to begin with, the same for the same points.

    Two that are obvious: straight, and the one network for the other at once. Then by turns the one for the other
    class by class (measured: between DNC and SRG these come down lowest), and straight to copies that are apart in some
    of the layers.
    """
    K, everywhere = ends.landscape.config.K, tuple(ends.layers)
    near, apart = (ends.alignment.near(ends.matched[0], layers) for layers in ((), everywhere))
    yield from [ends.line(near), ends.exchange(apart, np.zeros(K), 1.0)][:count]
    rng = np.random.Generator(np.random.Philox(0))
    some = [everywhere[at:] for at in range(1, len(everywhere))]
    some += [each for each in _subsets(everywhere) if each not in some]
    for number in range(count - 2):
        turn, straight = divmod(number, 2)
        again, which = divmod(turn, len(some))
        if straight:
            yield ends.line(ends.alignment.near(rng.permutation(K) if again else ends.matched[0], some[which]))
            continue
        takes = 1 / (1 + _STAGGERS[turn % len(_STAGGERS)])
        copy = ends.alignment.near(rng.permutation(K) if turn % 2 else ends.matched[0], everywhere)
        yield ends.exchange(copy, (1 - takes) * rng.permutation(K) / (K - 1), takes)


def _subsets(layers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All but the empty one and the whole, small ones first."""
    return chain.from_iterable(combinations(layers, size) for size in range(1, len(layers)))
