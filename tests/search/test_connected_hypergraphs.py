"""The hypergraphs that templates are made of: all of them, each once."""

from itertools import combinations

import networkx as nx
import pytest

from nccli.search.hypergraphs import connected_hypergraphs
from nccli.theory import Subsets


def incidence_graph(family: Subsets) -> nx.Graph:
    """Vertices and classes as the two parts of a graph."""
    graph = nx.Graph()
    for place, each in enumerate(family):
        graph.add_node(("class", place), part=1)
        for v in each:
            graph.add_node(("vertex", v), part=0)
            graph.add_edge(("class", place), ("vertex", v))
    return graph


def is_same(a: nx.Graph, b: nx.Graph) -> bool:
    return nx.is_isomorphic(a, b, node_match=lambda x, y: x["part"] == y["part"])


def whole(family: Subsets) -> bool:
    """Connected, and no two vertices in the same classes."""
    graph = incidence_graph(family)
    seen = [frozenset(graph[node]) for node in graph if node[0] == "vertex"]
    return nx.is_connected(graph) and len(set(seen)) == len(seen)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_those_on_three_vertices_are_all_there_are(k: int) -> None:
    subsets = [each for size in (1, 2, 3) for each in combinations(range(3), size)]
    every: list[nx.Graph] = []
    for family in combinations(subsets, k):
        graph = incidence_graph(family)
        if whole(family) and not any(is_same(graph, each) for each in every):
            every.append(graph)
    listed = [incidence_graph(each) for each in connected_hypergraphs()[k] if max(max(each) for each in each) < 3]
    assert len(listed) == len(every)
    assert all(any(is_same(graph, each) for each in every) for graph in listed)


def test_graphs_that_solutions_are_known_of_are_among_them() -> None:
    for r, k in ((4, 6), (5, 10), (6, 15), (7, 21)):
        complete = incidence_graph(tuple(combinations(range(r), 2)))
        assert any(is_same(complete, incidence_graph(each)) for each in connected_hypergraphs()[k])
    assert all(whole(each) for each in connected_hypergraphs()[5])
