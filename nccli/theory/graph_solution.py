"""Solutions from any simple graph: classes are its edges, T its incidence matrix (after Súkeník et al. 2024, App.)."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli.errors import InputError
from nccli.theory.problem import Problem
from nccli.theory.template import Construction, Family, Template

Edges = tuple[tuple[int, int], ...]

GRAPH_OUTPUTS = ("disjoint", "identity")

_FIXED = {
    "triangle": "cycle-3",
    "square": "cycle-4",
    "pentagon": "cycle-5",
    "hexagon": "cycle-6",
    "tetrahedron": "complete-4",
    "bowtie": "0-1,0-2,0-3,0-4,1-2,3-4",
    "cube": "cube",
    "octahedron": "octahedron",
    "petersen": "petersen",
}
_FAMILIES = "complete-N, cycle-N, path-N, star-N, wheel-N, bipartite-A-B"
_EDGE = re.compile(r"\s*(\d{1,6})\s*-\s*(\d{1,6})\s*")
_MAX_EDGES = 5_000
"""A bound: K³ operations by dense linear algebra, and 2 GB; measured, K = 1000 takes 15 s."""


def graph_names() -> tuple[str, ...]:
    """Names that `parse_graph` knows, families included."""
    return (*_FIXED, *_FAMILIES.split(", "))


def parse_graph(text: str) -> Edges:
    """Read a graph by name ("square", "complete-5", "bipartite-3-3") or as an edge list ("0-1,1-2,2-0").

    Returns:
        Edges (u, v) with u < v on vertices 0..q−1 (vertices are renumbered in increasing order), sorted for named
        graphs and in the order given for a list.

    Raises:
        InputError: unknown name, malformed edge, loop, repeated edge, or no edge at all.
    """
    text = text.strip().lower()
    if not text:
        raise InputError("empty graph: give a name or edges such as 0-1,1-2,2-3,0-3")
    return _check(_edge_list(text) if text[0].isdigit() else _named(text), text)


def _edge_list(text: str) -> list[tuple[int, int]]:
    edges = []
    for part in text.split(","):
        match = _EDGE.fullmatch(part)
        if match is None:
            raise InputError(f"'{part.strip()}' is not an edge: write edges as 0-1,1-2,2-3,0-3")
        edges.append((int(match[1]), int(match[2])))
    return edges


def _named(text: str) -> list[tuple[int, int]]:
    import networkx as nx

    name = _FIXED.get(text, text)
    if name[0].isdigit():
        return _edge_list(name)
    family, *sizes = name.split("-")
    makers: dict[tuple[str, int], Callable[..., Any]] = {
        ("complete", 1): nx.complete_graph,
        ("cycle", 1): nx.cycle_graph,
        ("path", 1): nx.path_graph,
        ("star", 1): nx.star_graph,
        ("wheel", 1): nx.wheel_graph,
        ("bipartite", 2): nx.complete_bipartite_graph,
        ("cube", 0): nx.cubical_graph,
        ("octahedron", 0): nx.octahedral_graph,
        ("petersen", 0): nx.petersen_graph,
    }
    maker = makers.get((family, len(sizes)))
    if maker is None or not all(re.fullmatch(r"[1-9]\d{0,2}", size) for size in sizes):
        raise InputError(
            f"graph '{text}' is not known: one of {', '.join(_FIXED)}, {_FAMILIES} (N up to 999), "
            "or an edge list such as 0-1,1-2,2-3,0-3"
        )
    return sorted((min(u, v), max(u, v)) for u, v in maker(*map(int, sizes)).edges())


def _check(edges: list[tuple[int, int]], text: str) -> Edges:
    if len(edges) < 2:
        raise InputError(f"graph '{text}' has {len(edges)} edge(s): every class is an edge, and K >= 2")
    if len(edges) > _MAX_EDGES:
        raise InputError(f"graph '{text}' has {len(edges)} edges: the dense construction stops at {_MAX_EDGES}")
    for u, v in edges:
        if u == v:
            raise InputError(f"edge {u}-{v} is a loop: edges join two different vertices")
    ordered = [(min(e), max(e)) for e in edges]
    (most, times) = Counter(ordered).most_common(1)[0]
    if times > 1:
        raise InputError(f"edge {most[0]}-{most[1]} is given {times} times: every class is one edge")
    number = {vertex: i for i, vertex in enumerate(sorted({v for e in ordered for v in e}))}
    return tuple((number[u], number[v]) for u, v in ordered)


def incidence_matrix(subsets: Sequence[Sequence[int]], vertices: int) -> Float[np.ndarray, "q K"]:
    """B: 1 where a vertex (row) lies on an edge, or in another subset of the vertices (column), else 0."""
    B = np.zeros((vertices, len(subsets)))
    for column, subset in enumerate(subsets):
        B[list(subset), column] = 1.0
    return B


def disjointness_weights(subsets: Sequence[Sequence[int]], vertices: int) -> Float[np.ndarray, "p q"]:
    """Vertex weights of rows of Tt_L: −1 on the subset of the row, a pair in Definition 9, +1 on the other vertices."""
    return np.ones((len(subsets), vertices)) - 2.0 * incidence_matrix(subsets, vertices).T


def graph(edges: Edges, output: str = "disjoint") -> Construction:
    """The solution whose classes are the edges of a simple graph.

    Args:
        edges: as `parse_graph` returns them; K = len(edges).
        output: "disjoint", the rows of Tt_L of Definition 9, so that σ(Tt_L) marks disjoint edges;
            "identity", rows e ↦ (BᵀB)_e· − 1, so that σ(Tt_L) is diagonal, for edge-transitive graphs ∝ I_K.

    Raises:
        InputError: an edge that meets no other, an edge that "disjoint" cannot tell from nothing because every other
            edge meets it, or an unknown output.
    """
    if output not in GRAPH_OUTPUTS:
        raise InputError(f"variant '{output}': a graph solution is one of {', '.join(GRAPH_OUTPUTS)}")
    vertices = 1 + max(v for e in edges for v in e)
    B = incidence_matrix(edges, vertices)
    meets = B.T @ B
    lonely = np.flatnonzero(meets.sum(axis=1) == 2)
    if lonely.size:
        u, v = edges[int(lonely[0])]
        raise InputError(f"edge {u}-{v} is isolated, it meets no other edge: use DNC (or blocks) for such a class")
    if output == "disjoint":
        crowded = np.flatnonzero((meets > 0).all(axis=1))
        if crowded.size:
            u, v = edges[int(crowded[0])]
            raise InputError(
                f"edge {u}-{v} meets every other edge, so variant 'disjoint' cannot see its class: "
                "use --variant identity"
            )
        Tt_L = disjointness_weights(edges, vertices) @ B
    else:
        Tt_L = meets - 1.0
    Tt_L = Tt_L / np.linalg.norm(Tt_L, axis=1, keepdims=True)
    degree = float(B.sum(axis=1).max())
    name = f"graph({vertices} vertices, {len(edges)} edges)"
    text = ",".join(f"{u}-{v}" for u, v in edges)
    template = Template.from_matrices(name, B / np.sqrt(degree), Tt_L)
    return Construction("graph", output, (template,), about={"graph": text})


def graph_outputs(edges: Edges) -> list[Construction]:
    """The solutions of a graph with every output that it allows.

    Raises:
        InputError: as `graph`, if there is none.
    """
    found, refusals = [], []
    for output in GRAPH_OUTPUTS:
        try:
            found.append(graph(edges, output))
        except InputError as error:
            refusals.append(error)
    if not found:
        raise refusals[-1]
    return found


def _forms(problem: Problem, variant: str | None = None, **given: str) -> list[Construction]:
    edges = parse_graph(given["graph"])
    if len(edges) != problem.K:
        raise InputError(f"--K {problem.K}: the graph has {len(edges)} edges, and every edge is a class")
    return graph_outputs(edges) if variant is None else [graph(edges, variant)]


FAMILY = Family(
    "graph", _forms, takes=("graph", "variant"), needs=("graph",), classes=lambda graph, **_: len(parse_graph(graph))
)
