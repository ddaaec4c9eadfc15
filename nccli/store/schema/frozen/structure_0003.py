"""How migration 0003 recognised structures: the recogniser as it was then, which no later change may touch."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb, isqrt
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

ZERO_FLOOR = 1e-6


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


_MOST_LEVELS = 3
_ALIKE = 0.25
_ROUNDING = 1e-9
_POLYGONS = {4: "square", 5: "pentagon", 6: "hexagon"}


@dataclass(frozen=True, eq=False)
class RootGraph:
    """A connected graph whose edges are classes.

    Attributes:
        name: "SRG T(r)" for the complete graph on r ≥ 4 vertices, "square", "petersen", …
        edges: (vertex, vertex) in the order of the name's template, lexicographic for "SRG T(r)".
        classes: the class of each edge.
        incidence: B, one row a vertex, one column an edge.
    """

    name: str
    edges: tuple[tuple[int, int], ...]
    classes: Int[np.ndarray, " k"]

    @property
    def incidence(self) -> Float[np.ndarray, "q k"]:
        """B: 1 where a vertex (row) lies on an edge (column), else 0."""
        B = np.zeros((1 + max(max(edge) for edge in self.edges), len(self.edges)))
        for column, edge in enumerate(self.edges):
            B[list(edge), column] = 1.0
        return B


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
        kind[np.ix_(part, part)] = 0
    kind[related] = 1
    np.fill_diagonal(kind, 2)
    spread = sum(
        float(np.var(values)) * values.size for values in (cosines[kind == i] for i in (-1, 0, 1)) if values.size
    )
    return Relation(kind == 1, float(np.sqrt(spread) / np.linalg.norm(cosines)))


def _upper_levels(cosines: Float[np.ndarray, "K K"], parts: list[Int[np.ndarray, " _"]]) -> Bool[np.ndarray, "K K"]:
    related = np.zeros(cosines.shape, dtype=bool)
    for part in parts:
        block = cosines[np.ix_(part, part)]
        levels = _widest_gaps(block[np.triu_indices(part.size, 1)])
        related[np.ix_(part, part)] = block > (levels[0] if levels else 0.0)
    return related


def _widest_gaps(values: Float[np.ndarray, " v"]) -> list[float]:
    """Where to split the values in two, at the widest gaps first."""
    ordered = np.sort(values)
    gaps = np.diff(ordered)
    widest = np.argsort(-gaps, kind="stable")[:_MOST_LEVELS]
    return [float(ordered[i] + ordered[i + 1]) / 2 for i in widest if gaps[i] > 0]


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


def root_graphs(relation: Bool[np.ndarray, "K K"]) -> tuple[RootGraph, ...] | None:
    """The graph of each connected set of classes, the largest first; None if the relation is no line graph.

    Of the two graphs whose line graph is a triangle (Whitney), the triangle is taken. The eigenvalues of a line graph
    are at least −2, which sorts most others out.
    """
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
    """Edges of the complete graph on r vertices in lexicographic order: the classes of SRG T(r)."""
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
        inside = A[np.ix_(near, near)]
        common = inside @ inside
        signatures[vertex] = f"{near.size} {sorted(common[inside > 0].tolist())}"
    return signatures


def _root(relation: Bool[np.ndarray, "K K"], part: list[int]) -> RootGraph | None:
    import networkx as nx

    if len(part) == 1:
        return RootGraph("DNC", ((0, 1),), np.array(part))
    inside = relation[np.ix_(part, part)]
    if len(part) == 3 and inside.sum() == 6:
        return RootGraph("triangle", ((0, 1), (0, 2), (1, 2)), np.array(part))
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
        return f"SRG T({q})", same
    degrees = sorted(degree for _, degree in root.degree)
    for name, template in _candidates(q, k):
        if sorted(degree for _, degree in template.degree) == degrees:
            mapping = nx.vf2pp_isomorphism(root, template)
            if mapping is not None:
                return name, mapping
    if comb(q - 1, 2) < k:
        return f"SRG T({q}) minus {comb(q, 2) - k}", same
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


STRUCTURE_RTOL = 0.2
"""A structure is recognised when it is nearer than this; DNC(10) and SRG T(5) are 0.77 apart."""

_SURE = 0.02
_EVIDENCE = 3.0  # noise on DNC has a widest gap too: a graph must fit so many times better
_LEVEL_NOISE = 0.2
_LOST = 1e-6
_MOST_GRAPHS = 3


@dataclass(frozen=True, eq=False)
class Structure:
    """What `recognise_structure` found.

    Attributes:
        name: "DNC", "ETF", "SRG T(5)", "SRG T(5) minus 2", "square", "petersen", "Chang graph 1",
            "graph(6 vertices, 9 edges)", their sums such as "SRG T(4) ⊕ DNC(1)", "zero", or "none".
        distance: min_s ‖G − s H‖_F/‖G‖_F with H the Gram matrix of the name, one s a summand; in [0, 1], 0 is
            equality. For "none" that of the nearest structure looked at, which are DNC, the ETF and SRG T(r) at least.
        permutation: class of each place of H, so that G[p][:, p] ∝ H; for "none" that of the nearest.
    """

    name: str
    distance: float
    permutation: Int[np.ndarray, " K"]


def recognise_structure(gram: Float[np.ndarray, "K K"], rtol: float = STRUCTURE_RTOL) -> Structure:
    """Recognise a construction in a Gram matrix of class means (theory sheet, section 3).

    Looked for: orthogonal means of equal norm (DNC) and the simplex ETF; graph solutions, in all the forms that their
    layers take: BᵀB (layers 2..L−1), its square root (layer 1), M̃_LᵀM̃_L and M_LᵀM_L (layer L), where B is the incidence
    matrix of any graph whose edges are the classes; direct sums of these, each summand with a scale of its own
    (Súkeník et al. 2024, Definitions 9 to 11); and the Chang graphs, which have the spectrum of T(8).

    The graph comes from the two levels of the off-diagonal cosines by way of its line graph, so noise of up to half the
    distance of the levels does not matter. Where that fails and the spectrum allows SRG T(r), the classes are assigned
    to it by SciPy's FAQ.

    Args:
        gram: MᵀM, symmetric up to rounding.
        rtol: largest distance of a structure that is recognised.

    Raises:
        ValueError: an entry is nan or infinite.
    """
    G = np.asarray(gram, dtype=np.float64)
    if not np.isfinite(G).all():
        raise ValueError("the structure of a Gram matrix with nan or infinite entries does not exist")
    G = (G + G.T) / 2
    K = G.shape[0]
    identity = np.arange(K)
    norms = np.sqrt(np.clip(np.diag(G), 0.0, None))
    if norms.max() <= ZERO_FLOOR:
        return Structure("zero", 0.0, identity)
    G = G / np.linalg.norm(G)
    frames = [Structure("DNC", _sine(G, np.eye(K)), identity), Structure("ETF", _sine(G, np.eye(K) - 1 / K), identity)]
    best = _nearest(frames)
    if best.distance > _SURE:
        graph = _nearest([best, *_graph_structures(G, norms)])
        best = graph if best.distance > rtol or graph.distance < best.distance / _EVIDENCE else best
    if best.distance > rtol:
        best = _nearest([best, *_assigned(G, best.distance)])
    return best if best.distance <= rtol else Structure("none", best.distance, best.permutation)


def _nearest(structures: list[Structure]) -> Structure:
    return min(structures, key=lambda structure: structure.distance)


def _sine(G: Float[np.ndarray, "K K"], H: Float[np.ndarray, "K K"]) -> float:
    """min_s ‖G − s H‖_F for ‖G‖_F = 1."""
    return float(np.linalg.norm(G - np.sum(G * H) / np.sum(H * H) * H))


def _graph_structures(G: Float[np.ndarray, "K K"], norms: Float[np.ndarray, " K"]) -> Iterator[Structure]:
    if norms.min() <= _LOST * norms.max():
        return
    cosines = G / np.sqrt(np.outer(np.diag(G), np.diag(G)))
    for candidate in related_classes(cosines)[:_MOST_GRAPHS]:
        if candidate.noise > _LEVEL_NOISE or not candidate.related.any():
            continue
        roots = root_graphs(candidate.related)
        if roots is not None:
            yield _sum_structure(G, roots)
        elif G.shape[0] == 28 and (candidate.related.sum(axis=1) == 12).all():
            yield from _chang_structures(G, candidate.related)


def _sum_structure(G: Float[np.ndarray, "K K"], roots: tuple[RootGraph, ...]) -> Structure:
    """The direct sum of graphs, single classes together as DNC, in the form that fits best."""
    graphs = [root for root in roots if len(root.edges) > 1]
    single = np.array([root.classes[0] for root in roots if len(root.edges) == 1], dtype=np.int64)
    blocks = [(root.name, root.classes, _forms(root.incidence)) for root in graphs]
    if single.size:
        blocks.append((f"DNC({single.size})", single, [np.eye(single.size)] * _FORMS))
    misfits = []
    for form in range(_FORMS):
        explained = 0.0
        for _, classes, forms in blocks:
            H = forms[form]
            explained += np.sum(G[np.ix_(classes, classes)] * H) ** 2 / np.sum(H * H)
        misfits.append(float(np.sqrt(max(0.0, 1.0 - explained))))
    permutation = np.concatenate([classes for _, classes, _ in blocks])
    return Structure(" ⊕ ".join(name for name, *_ in blocks), min(misfits), permutation)


_FORMS = 6


def _forms(B: Float[np.ndarray, "q k"]) -> list[Float[np.ndarray, "_ _"]]:
    """Gram matrices that the layers of a graph solution have, up to scale (theory sheet, section 2).

    Layers 2..L−1 and 1; the last one before and after the activation, where Tt_L has a row for every edge of the graph
    or for every pair of its vertices (they differ where the graph is not complete).
    """
    q = B.shape[0]
    hidden = B.T @ B
    values, vectors = np.linalg.eigh(hidden)
    first = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    forms = [hidden, first]
    pairs = np.zeros((comb(q, 2), q))
    for row, (u, v) in enumerate(complete_root(q)):
        pairs[row, [u, v]] = 1.0
    for chosen in (B.T, pairs):
        last = (1.0 - 2.0 * chosen) @ B
        last = last[last.any(axis=1)]
        last /= np.linalg.norm(last, axis=1, keepdims=True)
        forms += [M.T @ M if M.any() else hidden for M in (last, np.maximum(last, 0.0))]
    return forms


def _chang_structures(G: Float[np.ndarray, "K K"], relation: Bool[np.ndarray, "K K"]) -> Iterator[Structure]:
    for number, graph in enumerate(chang_graphs(), 1):
        permutation = isomorphism(relation, graph)
        if permutation is not None:
            placed = G[np.ix_(permutation, permutation)]
            yield Structure(f"Chang graph {number}", _sine(placed, 2 * np.eye(28) + graph), permutation)


def _assigned(G: Float[np.ndarray, "K K"], nearer: float) -> Iterator[Structure]:
    """SRG T(r) by assignment, unless the spectrum says that it is not nearer than `nearer`.

    For symmetric matrices ‖G − PᵀHP‖_F is at least the distance of the ordered eigenvalues (Hoffman and Wielandt 1953).
    """
    K = G.shape[0]
    r = (1 + isqrt(1 + 8 * K)) // 2
    if r < 4 or comb(r, 2) != K:
        return
    B = np.array([[float(v in edge) for edge in complete_root(r)] for v in range(r)])
    H = B.T @ B
    given, wanted = np.linalg.eigvalsh(G), np.linalg.eigvalsh(H)
    if float(np.linalg.norm(given - given @ wanted / (wanted @ wanted) * wanted)) >= nearer:
        return
    from scipy.optimize import quadratic_assignment  # takes a quarter of a second to load

    found = quadratic_assignment(H, G, method="faq", options={"maximize": True, "rng": np.random.default_rng(0)})
    permutation = np.asarray(found.col_ind)
    yield Structure(f"SRG T({r})", _sine(G[np.ix_(permutation, permutation)], H), permutation)
