"""The Chang graphs: the near misses of T(8)."""

from functools import lru_cache
from itertools import combinations

import numpy as np
from jaxtyping import Bool

_MATCHING = ((0, 1), (2, 3), (4, 5), (6, 7))
_OCTAGON = tuple((i, (i + 1) % 8) for i in range(8))
_TRIANGLE_AND_PENTAGON = ((0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (5, 6), (6, 7), (3, 7))


@lru_cache(maxsize=1)
def chang_graphs() -> tuple[Bool[np.ndarray, "28 28"], ...]:
    """Adjacency of the three Chang graphs: parameters and spectrum of T(8), and no line graphs (Chang 1959).

    They come from T(8) by Seidel switching with respect to the edges of a perfect matching of K_8, of an 8-cycle, and
    of the disjoint union of a 3-cycle and a 5-cycle.
    """
    edges = tuple(combinations(range(8), 2))
    triangular = np.array([[len({*e, *f}) == 3 for f in edges] for e in edges])
    found = []
    for pairs in (_MATCHING, _OCTAGON, _TRIANGLE_AND_PENTAGON):
        inside = np.array([edge in {tuple(sorted(pair)) for pair in pairs} for edge in edges])
        found.append(triangular ^ (inside[:, None] ^ inside[None, :]))
    return tuple(found)
