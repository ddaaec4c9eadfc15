"""Solutions from any simple graph: classes are its edges, T its incidence matrix (after Súkeník et al. 2024, App.)."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli.catalogue.options import ObjectiveName
from nccli.errors import InputError
from nccli.theory.deep_neural_collapse import drops_mean
from nccli.theory.problem import Problem
from nccli.theory.template import PINV_RTOL, Construction, Family, Template

Edges = tuple[tuple[int, int], ...]

POSITIVE = "positive"
GRAPH_OUTPUTS = ("disjoint", "identity", POSITIVE)
"""What the last layer tells apart. With the last its rank is that of the hidden layers: of no use to squared error."""

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
            "identity", rows e ↦ (BᵀB)_e· − 1, so that σ(Tt_L) is diagonal, for edge-transitive graphs ∝ I_K;
            "positive", Tt_L = T, so that nothing is cut and the output has the rank of T, enough for cross-entropy,
            which asks of a class only to have the largest logit (for complete graphs Garrod and Keating 2025; the shift
            that makes their rows non-negative is the least possible one, and a larger one costs more).

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
        Tt_L = B if output == POSITIVE else meets - 1.0
    T = B / np.sqrt(float(B.sum(axis=1).max()))
    Tt_L = T if output == POSITIVE else Tt_L / np.linalg.norm(Tt_L, axis=1, keepdims=True)
    return _construction(edges, output, Template.from_matrices(_name(edges), T, Tt_L))


def linear_graph(edges: Edges, centred: bool) -> Construction:
    """The same in a linear network: T in every layer, "positive" in name alone where its mean is dropped.

    Args:
        edges: as `parse_graph` returns them.
        centred: whether the mean over the classes is dropped.
    """
    B = incidence_matrix(edges, 1 + max(v for e in edges for v in e))
    return _construction(edges, POSITIVE, linear_template(_name(edges), B / np.sqrt(B.sum(axis=1).max()), centred))


def linear_template(name: str, T: Float[np.ndarray, "q K"], centred: bool) -> Template:
    """T in every layer of a linear network, less the mean over the classes where that is of no use.

    A rotation leaves it as many rows as its rank.
    """
    _, values, rows = np.linalg.svd(T - T.mean(axis=1, keepdims=True) if centred else T, full_matrices=False)
    rank = int((values > PINV_RTOL * values[0]).sum())
    T = values[:rank, None] * rows[:rank]
    return Template.from_matrices(name, T, T, linear=True)


def _construction(edges: Edges, output: str, template: Template) -> Construction:
    text = ",".join(f"{u}-{v}" for u, v in edges)
    return Construction("graph", output, (template,), about={"graph": text})


def _name(edges: Edges) -> str:
    return f"graph({1 + max(v for e in edges for v in e)} vertices, {len(edges)} edges)"


def graph_forms(problem: Problem, edges: Edges, output: str | None = None) -> list[Construction]:
    """The solutions of a graph for a problem: with every output that it allows and that is of use, or the one named.

    Raises:
        InputError: as `graph`, if there is none, or an output that a linear network has not.
    """
    if problem.linear:
        if output not in (None, POSITIVE):
            raise InputError(f"variant '{output}' is made by ReLU: a linear network has --variant {POSITIVE} alone")
        return [linear_graph(edges, drops_mean(problem))]
    if output is not None:
        return [graph(edges, output)]
    found, refusals = [], []
    for each in GRAPH_OUTPUTS if problem.objective == ObjectiveName.CE else GRAPH_OUTPUTS[:2]:
        try:
            found.append(graph(edges, each))
        except InputError as error:
            refusals.append(error)
    if not found:
        raise refusals[-1]
    return found


def _forms(problem: Problem, variant: str | None = None, **given: str) -> list[Construction]:
    edges = parse_graph(given["graph"])
    if len(edges) != problem.K:
        raise InputError(f"--K {problem.K}: the graph has {len(edges)} edges, and every edge is a class")
    return graph_forms(problem, edges, variant)


FAMILY = Family(
    "graph", _forms, takes=("graph", "variant"), needs=("graph",), classes=lambda graph, **_: len(parse_graph(graph))
)
