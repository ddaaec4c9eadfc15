"""Hypergraphs up to isomorphism: what templates are made of."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, permutations

import numpy as np
from jaxtyping import Int

from nccli.theory import Subsets

_ALL_SUBSETS, _PAIRS, _GRAPHS = 4, 5, 7
"""Tastes: most vertices where classes are any subsets, single vertices and pairs, and pairs alone. A step further is
2^31 families of subsets of five vertices."""


@lru_cache(maxsize=1)
def connected_hypergraphs() -> dict[int, list[Subsets]]:
    """Connected hypergraphs by their number of classes, of each isomorphism class one.

    All on up to 4 vertices; on 5 those of single vertices and pairs; graphs on 6 and 7. No two vertices lie in the
    same classes: such a hypergraph has the loss of the one with one of them.
    """
    found: dict[int, list[Subsets]] = {}
    for each in _all():
        found.setdefault(len(each), []).append(each)
    return found


def _all() -> Iterator[Subsets]:
    yield ((0,),)
    for r in range(2, _ALL_SUBSETS + 1):
        yield from _families(r, [each for size in range(1, r + 1) for each in combinations(range(r), size)])
    yield from _families(_PAIRS, [(v,) for v in range(_PAIRS)] + list(combinations(range(_PAIRS), 2)))
    yield from _graphs()


def _families(r: int, subsets: Sequence[tuple[int, ...]]) -> Iterator[Subsets]:
    """Families of these subsets of r vertices that are connected and tell vertices apart, up to permuted vertices."""
    place = {each: i for i, each in enumerate(subsets)}
    least = families = np.arange(2 ** len(subsets))
    for order in permutations(range(r)):
        moved = [place[tuple(sorted(order[v] for v in each))] for each in subsets]
        least = np.minimum(least, _permuted(families, moved))
    for code in np.flatnonzero(least == families).tolist():
        family = tuple(each for i, each in enumerate(subsets) if code >> i & 1)
        if _is_whole(r, family):
            yield family


def _permuted(codes: Int[np.ndarray, " n"], moved: Sequence[int]) -> Int[np.ndarray, " n"]:
    found = np.zeros_like(codes)
    for i, to in enumerate(moved):
        found |= (codes >> i & 1) << to
    return found


def _is_whole(r: int, family: Subsets) -> bool:
    """Whether all vertices are joined and lie in different classes."""
    lies_in = [frozenset(i for i, each in enumerate(family) if v in each) for v in range(r)]
    if frozenset() in lies_in or len(set(lies_in)) < r:
        return False
    reached = {0}
    for _ in range(r):
        reached |= {v for each in family if reached & set(each) for v in each}
    return len(reached) == r


def _graphs() -> Iterator[Subsets]:
    from networkx.generators.atlas import graph_atlas_g

    for graph in graph_atlas_g():
        if _PAIRS < graph.number_of_nodes() <= _GRAPHS:
            family = tuple(sorted((min(e), max(e)) for e in graph.edges()))
            if _is_whole(graph.number_of_nodes(), family):
                yield family
