"""Whether a spectrum is of a rank, as far as noise lets that be told."""

from enum import Enum, auto

import numpy as np
from jaxtyping import Float

from nccli.metrics.spectrum import numerical_rank

_BULK = 3
"""Values beyond a rank that can be noise; fewer are directions of the solution, unless no more are left. Noise takes as
many as the features have directions left; two would let a layer of rank 7 pass for one of rank 5. A taste."""

_ALIKE = 20.0
"""Values of noise are no further apart. Measured: the largest over the least of a Gaussian matrix with three rows more
than columns is 10 in one of 300 for 2 columns, and 4 for 5."""


_LEAST_GAP = 1.3
"""Between the last value of the rank and the first of noise: a bound, below what 25 % of noise leaves of it."""


class RankFit(Enum):
    """How a spectrum is of a rank."""

    EXACT = auto()
    UNDER_NOISE = auto()
    NOT = auto()


def rank_fit(spectrum: Float[np.ndarray, " K"], rank: int) -> RankFit:
    """Whether singular values are those of a matrix of this rank, exactly or under noise.

    Exactly: the numerical rank (`nccli.metrics.numerical_rank`, at the default tolerance) is it. Under noise it is
    larger, there are at least three values beyond, or all that are left, of one size, and there is a gap before the
    first of them, wider than that behind it: a layer of rank 6 is not one of rank 5 with noise.

    Args:
        spectrum: of the class means, as many as there are classes, largest first.
        rank: of the named structure, at least 1.
    """
    found = int(numerical_rank(spectrum))
    if found <= rank:
        return RankFit.EXACT if found == rank else RankFit.NOT
    beyond = spectrum[rank:]
    bulk = np.count_nonzero(beyond * _ALIKE > beyond[0])
    if bulk < min(_BULK, len(beyond)):
        return RankFit.NOT
    gap = spectrum[rank - 1] / beyond[0]
    wide = gap > _LEAST_GAP and (len(beyond) < _BULK or gap > beyond[0] / beyond[1])
    return RankFit.UNDER_NOISE if wide else RankFit.NOT
