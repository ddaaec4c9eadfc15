"""Where paths begin that then descend: to copies of the other end that are near, or apart in some of the layers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np

from nccli.dufm.paths.alignment import Alignment, Classes, Symmetry
from nccli.dufm.paths.band import IMAGES
from nccli.dufm.paths.landscape import Landscape, Vectors
from nccli.dufm.paths.polyline import line
from nccli.dufm.start import StartPoint


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

    def exchange(self, symmetry: Symmetry) -> Vectors:
        """To a copy that shares no units: one network fades while the other grows, so that the output stays.

        A network that is multiplied by x^{1/(L+1)} in each of its matrices has x times its output.
        """
        vector, power = self.landscape.vector, 1 / (self.landscape.config.L + 1)
        t = np.linspace(0.0, 1.0, IMAGES)[:, None]
        return np.asarray((1 - t) ** power * vector(self.start) + t**power * vector(symmetry.of(self.end)))


def first_paths(ends: Ends, count: int) -> Iterator[Vectors]:
    """So many paths to begin with, the same for the same points.

    Two that are obvious; lines to copies that are apart in some layers only, from a layer on first (measured: which
    layers decides where a path comes down, between DNC and SRG it is the last two); and again with classes at random.
    """
    everywhere = tuple(ends.layers)
    near, apart = (ends.alignment.near(ends.matched[0], layers) for layers in ((), everywhere))
    yield from [ends.line(near), ends.exchange(apart)][:count]
    some = [everywhere[at:] for at in range(1, len(everywhere))]
    some += [each for each in _subsets(everywhere) if each not in some]
    rng = np.random.Generator(np.random.Philox(0))
    for number in range(count - 2):
        again, which = divmod(number, len(some))
        classes = rng.permutation(ends.landscape.config.K) if again else ends.matched[0]
        yield ends.line(ends.alignment.near(classes, some[which]))


def _subsets(layers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All but the empty one and the whole, small ones first."""
    return chain.from_iterable(combinations(layers, size) for size in range(1, len(layers)))
