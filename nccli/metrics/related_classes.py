"""Which classes a Gram matrix relates, the graph whose edges they then are, and what that graph is called.

The class means of a graph solution (Súkeník et al. 2024, Definition 4 and Figure 5) are the columns of an incidence
matrix B: two classes that share a vertex have the same inner product, all others another one. So the relation "share a
vertex" is the line graph of the solution's graph, and can be read off the Gram matrix up to noise of half a level.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

_MOST_LEVELS = 3
"""Widest gaps at which cosines are split: two levels have one, noise may widen another. A taste."""

_ALIKE = 0.25
"""Cosines that are all above this may be one level: those of a star or a triangle are 1/2, those of DNC 0."""

_LEAST_GAP = 1e-6
"""Cosines that differ by less are equal: rounding of float32."""

_ROUNDING = 1e-9
"""Of eigenvalues of adjacency matrices, which are of size 1 to K."""

_FEW = 64
"""A taste: classes whose relations are remembered; 2,048 of them take some 10 MB."""

_POLYGONS = {4: "square", 5: "pentagon", 6: "hexagon"}


@dataclass(frozen=True, eq=False)
class RootGraph:
    """A connected graph whose edges are classes.

    Attributes:
        name: "srg t(r)" for the complete graph on r ≥ 4 vertices, "square", "petersen", …
        edges: (vertex, vertex) in the order of the name's template, lexicographic for "srg t(r)".
        classes: the class of each edge.
    """

    name: str
    edges: tuple[tuple[int, int], ...]
    classes: Int[np.ndarray, " k"]


@dataclass(frozen=True, eq=False)
class Relation:
    """A way to read the levels of the cosines.

    Attributes:
        related: pairs of classes that share a vertex.
        noise: how much the cosines differ from their means over related pairs, unrelated pairs, and pairs of different
            blocks, relative to ‖cosines‖_F.
    """

    related: Bool[np.ndarray, "K K"]
    noise: float


def related_classes(cosines: Float[np.ndarray, "K K"]) -> list[Relation]:
    """Relations that the off-diagonal cosines may mean, those with the least noise first.

    All classes, where all cosines are positive and alike; the upper of two levels, split at the widest gaps; and the
    upper of two levels inside each set of classes that is orthogonal to the rest, as blocks of Definition 11 are.
    """
    K = cosines.shape[0]
    off_diagonal = cosines[np.triu_indices(K, 1)]
    whole = [np.arange(K)]
    found = [_relation(cosines, cosines > level, whole) for level in _widest_gaps(off_diagonal)]
    for level in _widest_gaps(np.abs(off_diagonal))[:2]:
        parts = connected(np.abs(cosines) > level)
        if 1 < len(parts) < K:
            found.append(_relation(cosines, _upper_levels(cosines, parts), parts))
    found.sort(key=lambda relation: relation.noise)
    if off_diagonal.min(initial=1.0) > _ALIKE:
        found.insert(0, _relation(cosines, np.ones(cosines.shape, dtype=bool), whole))
    return found


def _relation(
    cosines: Float[np.ndarray, "K K"], related: Bool[np.ndarray, "K K"], parts: list[Int[np.ndarray, " _"]]
) -> Relation:
    kind = np.full(cosines.shape, -1)
    for part in parts:
        kind[part[:, None], part] = 0
    kind[related] = 1
    np.fill_diagonal(kind, 2)
    spread = sum(
        float(np.var(values)) * values.size for values in (cosines[kind == i] for i in (-1, 0, 1)) if values.size
    )
    return Relation(kind == 1, float(np.sqrt(spread) / np.linalg.norm(cosines)))


def _upper_levels(cosines: Float[np.ndarray, "K K"], parts: list[Int[np.ndarray, " _"]]) -> Bool[np.ndarray, "K K"]:
    related = np.zeros(cosines.shape, dtype=bool)
    for part in parts:
        block = cosines[part[:, None], part]
        levels = _widest_gaps(block[np.triu_indices(part.size, 1)])
        related[part[:, None], part] = block > (levels[0] if levels else 0.0)
    return related


def _widest_gaps(values: Float[np.ndarray, " v"]) -> list[float]:
    """Where to split the values in two, at the widest gaps first."""
    ordered = np.sort(values)
    gaps = np.diff(ordered)
    widest = np.argsort(-gaps, kind="stable")[:_MOST_LEVELS]
    return [float(ordered[i] + ordered[i + 1]) / 2 for i in widest if gaps[i] > _LEAST_GAP]


def connected(relation: Bool[np.ndarray, "K K"]) -> list[Int[np.ndarray, " _"]]:
    """The connected sets of classes, those of the lowest classes first."""
    left, parts = np.ones(relation.shape[0], dtype=bool), []
    while left.any():
        part = np.zeros_like(left)
        part[np.argmax(left)] = True
        while not np.array_equal(grown := part | relation[part].any(axis=0), part):
            part = grown
        left &= ~part
        parts.append(np.flatnonzero(part))
    return parts


def incidence(edges: tuple[tuple[int, int], ...]) -> Float[np.ndarray, "q k"]:
    """B: 1 where a vertex (row) lies on an edge (column), else 0."""
    B = np.zeros((1 + max(max(edge) for edge in edges), len(edges)))
    for column, edge in enumerate(edges):
        B[list(edge), column] = 1.0
    return B


def root_graphs(relation: Bool[np.ndarray, "K K"]) -> tuple[RootGraph, ...] | None:
    """The graph of each connected set of classes, the largest first; None if the relation is no line graph.

    Of the two graphs whose line graph is a triangle (Whitney), the triangle is taken. The eigenvalues of a line graph
    are at least −2, which sorts most others out.
    """
    K = relation.shape[0]
    return _remembered(K, np.packbits(relation).tobytes()) if K <= _FEW else _root_graphs(relation)


@lru_cache(maxsize=2048)
def _remembered(K: int, bits: bytes) -> tuple[RootGraph, ...] | None:
    """Layers of a run, and runs of a grid, mostly relate their classes alike."""
    relation = np.unpackbits(np.frombuffer(bits, np.uint8), count=K * K).astype(bool).reshape(K, K)
    return _root_graphs(relation)


def _root_graphs(relation: Bool[np.ndarray, "K K"]) -> tuple[RootGraph, ...] | None:
    if np.linalg.eigvalsh(relation.astype(np.float64))[0] < -2 - _ROUNDING:
        return None
    found = []
    for part in sorted(connected(relation), key=lambda part: -part.size):
        root = _root(relation, part.tolist())
        if root is None:
            return None
        found.append(root)
    return tuple(found)


def complete_root(r: int) -> tuple[tuple[int, int], ...]:
    """Edges of the complete graph on r vertices in lexicographic order: the classes of srg t(r)."""
    return tuple(combinations(range(r), 2))


def isomorphism(relation: Bool[np.ndarray, "K K"], template: Bool[np.ndarray, "K K"]) -> Int[np.ndarray, " K"] | None:
    """A permutation p with relation[p][:, p] = template; None if there is none."""
    import networkx as nx

    graphs = []
    for matrix in (template, relation):
        graph = nx.from_numpy_array(matrix)
        nx.set_node_attributes(graph, _signatures(matrix), "signature")
        graphs.append(graph)
    mapping = nx.vf2pp_isomorphism(*graphs, node_label="signature")
    return None if mapping is None else np.array([mapping[i] for i in range(template.shape[0])])


def _signatures(matrix: Bool[np.ndarray, "K K"]) -> dict[int, str]:
    """What is the same for a vertex and its image: edges and paths among its neighbours."""
    A = matrix.astype(np.int64)
    signatures = {}
    for vertex in range(A.shape[0]):
        near = np.flatnonzero(A[vertex])
        inside = A[near[:, None], near]
        common = inside @ inside
        signatures[vertex] = f"{near.size} {sorted(common[inside > 0].tolist())}"
    return signatures


def _root(relation: Bool[np.ndarray, "K K"], part: list[int]) -> RootGraph | None:
    if len(part) == 1:
        return RootGraph("dnc", ((0, 1),), np.array(part))
    inside = relation[np.ix_(part, part)]
    if len(part) == 3 and inside.sum() == 6:
        return RootGraph("triangle", ((0, 1), (0, 2), (1, 2)), np.array(part))
    import networkx as nx  # a quarter of a second, which classes apart from each other need not wait for

    graph = nx.Graph()
    graph.add_edges_from((part[i], part[j]) for i, j in np.argwhere(np.triu(inside)))
    try:
        root = nx.inverse_line_graph(graph)
    except nx.NetworkXError:
        return None
    ends = sorted(root.nodes)
    if root.number_of_edges() != len(part):
        return None
    place = {_shared(u, v): (u, v) for u, v in root.edges}
    if None in place or len(place) != len(part):
        return None
    name, order = _name(nx.relabel_nodes(root, {end: i for i, end in enumerate(ends)}))
    number = {end: order[i] for i, end in enumerate(ends)}
    pairs = sorted((*sorted((number[u], number[v])), label) for label, (u, v) in place.items())
    return RootGraph(name, tuple((u, v) for u, v, _ in pairs), np.array([label for *_, label in pairs]))


def _shared(u: Any, v: Any) -> Any:
    """The class that is the edge between two vertices: networkx names a vertex by the classes that meet there."""
    common = set(u) & set(v)
    return common.pop() if len(common) == 1 else None


def _name(root: Any) -> tuple[str, dict[int, int]]:
    """Name of a graph, and where each of its vertices stands in the template of that name."""
    import networkx as nx

    q, k = root.number_of_nodes(), root.number_of_edges()
    same = {vertex: vertex for vertex in root}
    if k == comb(q, 2):
        return f"srg t({q})", same
    degrees = sorted(degree for _, degree in root.degree)
    for name, template in _candidates(q, k):
        if sorted(degree for _, degree in template.degree) == degrees:
            mapping = nx.vf2pp_isomorphism(root, template)
            if mapping is not None:
                return name, mapping
    if comb(q - 1, 2) < k:
        return f"srg t({q}) minus {comb(q, 2) - k}", same
    return f"graph({q} vertices, {k} edges)", same


@lru_cache(maxsize=256)
def _candidates(q: int, k: int) -> list[tuple[str, Any]]:
    """Named graphs with q vertices and k edges, the vertices numbered 0..q−1."""
    import networkx as nx

    found: list[tuple[str, Any]] = []
    if k == q:
        found.append((_POLYGONS.get(q, f"cycle-{q}"), nx.cycle_graph(q)))
    if k == q - 1:
        found += [(f"path-{q}", nx.path_graph(q)), (f"star-{k}", nx.star_graph(k))]
    if k == 2 * (q - 1) and q >= 5:
        found.append((f"wheel-{q}", nx.wheel_graph(q)))
    found += [
        (f"bipartite-{a}-{q - a}", nx.complete_bipartite_graph(a, q - a))
        for a in range(2, q // 2 + 1)
        if a * (q - a) == k and (a, q) != (2, 4)
    ]
    special = (("cube", nx.cubical_graph), ("octahedron", nx.octahedral_graph), ("petersen", nx.petersen_graph))
    made = [(name, maker()) for name, maker in special]
    return found + [(name, graph) for name, graph in made if graph.order() == q and graph.size() == k]
