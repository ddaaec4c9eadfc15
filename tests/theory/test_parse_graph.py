"""Graphs by name and as edge lists."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.errors import InputError
from nccli.theory import Edges, graph_names, parse_graph
from tests.oracle.theory_cases import connected_edges

SIZES = {
    "triangle": (3, 3),
    "square": (4, 4),
    "pentagon": (5, 5),
    "hexagon": (6, 6),
    "tetrahedron": (4, 6),
    "bowtie": (5, 6),
    "cube": (8, 12),
    "octahedron": (6, 12),
    "petersen": (10, 15),
    "complete-5": (5, 10),
    "cycle-7": (7, 7),
    "path-4": (4, 3),
    "star-4": (5, 4),
    "wheel-6": (6, 10),
    "bipartite-2-3": (5, 6),
}
"""Vertices and edges."""


@pytest.mark.parametrize("name", SIZES)
def test_named_graphs_have_their_vertices_and_edges(name: str) -> None:
    edges = parse_graph(name)
    assert (len({v for edge in edges for v in edge}), len(edges)) == SIZES[name]
    assert nx.is_connected(nx.Graph(edges))


@pytest.mark.parametrize("name", SIZES)
def test_edges_of_a_named_graph_are_sorted_on_vertices_from_zero(name: str) -> None:
    edges = parse_graph(name)
    assert edges == tuple(sorted(edges))
    assert {v for edge in edges for v in edge} == set(range(SIZES[name][0]))
    assert all(u < v for u, v in edges)


def test_every_advertised_name_is_known() -> None:
    for name in graph_names():
        assert len(parse_graph(name.replace("-N", "-5").replace("-A-B", "-2-3"))) >= 3
    families = {name.split("-")[0] for name in SIZES}
    assert {name.split("-")[0] for name in graph_names()} == families


def test_polyhedra_and_petersen_are_themselves() -> None:
    assert nx.is_isomorphic(nx.Graph(parse_graph("petersen")), nx.petersen_graph())
    assert nx.is_isomorphic(nx.Graph(parse_graph("cube")), nx.hypercube_graph(3))
    assert nx.is_isomorphic(nx.Graph(parse_graph("octahedron")), nx.complete_multipartite_graph(2, 2, 2))
    assert nx.is_isomorphic(nx.Graph(parse_graph("bowtie")), nx.windmill_graph(2, 3))


@given(edges=connected_edges())
def test_an_edge_list_keeps_its_order(edges: Edges) -> None:
    assert parse_graph(",".join(f"{u}-{v}" for u, v in edges)) == edges


@given(edges=connected_edges(), first=st.integers(0, 900), step=st.integers(1, 40))
def test_vertices_are_renumbered_in_increasing_order(edges: Edges, first: int, step: int) -> None:
    assert parse_graph(",".join(f"{first + step * v}-{first + step * u}" for u, v in edges)) == edges


def test_spaces_and_capitals_do_not_matter() -> None:
    assert parse_graph(" Square ") == parse_graph("square")
    assert parse_graph(" 0 - 1 ,1-2") == ((0, 1), (1, 2))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("0-1,2-2", "edge 2-2 is a loop"),
        ("0-1,1-2,1-0", "edge 0-1 is given 2 times"),
        ("0-1,1_2", "'1_2' is not an edge"),
        ("0-1,,1-2", "'' is not an edge"),
        ("0-1,a-b", "'a-b' is not an edge"),
        ("0-1-2", "'0-1-2' is not an edge"),
        ("0-1", r"graph '0-1' has 1 edge"),
        ("path-2", r"graph 'path-2' has 1 edge"),
        ("complete-1", r"graph 'complete-1' has 0 edge"),
        ("complete-300", "graph 'complete-300' has 44850 edges"),
        ("squre", "graph 'squre' is not known.*square"),
        ("complete", "graph 'complete' is not known"),
        ("complete-0", "graph 'complete-0' is not known"),
        ("complete-1000", "graph 'complete-1000' is not known.*up to 999"),
        ("bipartite-3", "graph 'bipartite-3' is not known"),
        ("cube-3", "graph 'cube-3' is not known"),
        ("-1-2,2-3", "graph '-1-2,2-3' is not known"),
        ("  ", "empty graph"),
    ],
)
def test_what_is_no_graph_is_named(text: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        parse_graph(text)
