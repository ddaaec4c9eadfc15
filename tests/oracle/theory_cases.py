"""Hypothesis strategies: problems with unequal weight decays, and every kind of construction."""

import random
from collections.abc import Callable
from itertools import combinations
from math import comb
from typing import TypeVar

from hypothesis import strategies as st

from nccli.errors import InputError
from nccli.theory import GRAPH_OUTPUTS, SRG_VARIANTS, Construction, Edges, Problem, dnc, graph, parse_graph, srg

BOTH_OUTPUTS = ("square", "bowtie", "tetrahedron", "cube", "petersen", "complete-5", "wheel-6", "bipartite-2-3")
IDENTITY_ONLY = ("triangle", "path-4", "star-4")

T = TypeVar("T")


def steady(build: Callable[..., T]) -> Callable[..., T]:
    """Keep the global random state: beartype draws from it to check a tuple, which Hypothesis forbids in strategies."""

    def built(*arguments: object) -> T:
        state = random.getstate()
        try:
            return build(*arguments)
        finally:
            random.setstate(state)

    return built


@st.composite
def problems(draw: st.DrawFn, K: int, least_L: int = 2) -> Problem:
    """Weight decays up to a factor 100 apart, around 1/K or less, the order at which constructions turn trivial."""
    L = draw(st.integers(least_L, 6))
    middle = draw(st.floats(-3.5, -0.4))
    decay = st.floats(-1.0, 1.0).map(lambda exponent: 10.0 ** (middle + exponent) / K)
    return steady(Problem)(
        K, L, draw(st.integers(1, 4)), draw(decay), tuple(draw(st.lists(decay, min_size=L, max_size=L)))
    )


@st.composite
def connected_edges(draw: st.DrawFn) -> Edges:
    """Edge list of a random connected graph: a random tree on 3..7 vertices and some more edges, in any order."""
    vertices = draw(st.integers(3, 7))
    tree = {(draw(st.integers(0, v - 1)), v) for v in range(1, vertices)}
    others = [edge for edge in combinations(range(vertices), 2) if edge not in tree]
    more = draw(st.lists(st.sampled_from(others), unique=True, max_size=8)) if others else []
    edges = draw(st.permutations(sorted(tree) + more))
    return tuple(edges)


@st.composite
def graphs(draw: st.DrawFn) -> Construction:
    """A graph by name or at random, with an output that it allows."""
    if draw(st.booleans()):
        name = draw(st.sampled_from(BOTH_OUTPUTS + IDENTITY_ONLY))
        edges = steady(parse_graph)(name)
        return steady(graph)(edges, draw(st.sampled_from(GRAPH_OUTPUTS)) if name in BOTH_OUTPUTS else "identity")
    edges = draw(connected_edges())
    try:
        return steady(graph)(edges, draw(st.sampled_from(GRAPH_OUTPUTS)))
    except InputError:
        return steady(graph)(edges, "identity")


def constructions() -> st.SearchStrategy[Construction]:
    """DNC, SRG on T(4)..T(7), both variants of Definition 11, and graphs."""
    return st.one_of(
        st.integers(2, 9).map(steady(dnc)),
        st.integers(4, 7).map(lambda r: steady(srg)(comb(r, 2), "blocks")),
        st.integers(6, 24).map(lambda K: steady(srg)(K, SRG_VARIANTS[0])),
        st.integers(4, 24).map(lambda K: steady(srg)(K, SRG_VARIANTS[1])),
        graphs(),
    )


def cases() -> st.SearchStrategy[tuple[Problem, Construction]]:
    """A construction and a problem of its size."""
    return constructions().flatmap(lambda construction: st.tuples(problems(construction.K), st.just(construction)))
