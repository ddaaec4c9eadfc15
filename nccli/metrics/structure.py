"""Which construction the Gram matrix of a layer is, up to a permutation of the classes and a scale."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb, isqrt

import numpy as np
from jaxtyping import Bool, Float, Int

from nccli.metrics.chang_graphs import chang_graphs
from nccli.metrics.related_classes import RootGraph, complete_root, isomorphism, related_classes, root_graphs
from nccli.metrics.spectrum import ZERO_FLOOR

STRUCTURE_RTOL = 0.2
"""A structure is recognised when it is nearer than this. Measured, K = 6, 10, 15: class means of DNC or SRG with 10 %
of noise are 0.12 to 0.18 away, with 20 % 0.23 and more; DNC(10) and SRG T(5) are 0.77 apart."""

_SURE = 0.02
"""Nearer to DNC or the ETF than this no graph is looked for: a taste, to save the search; 1.4 % of noise."""

_EVIDENCE = 3.0
"""Noise on DNC has a widest gap too, so a graph must fit so many times better. Measured: of 1,000 noisy DNC with K = 6,
10, 15 a graph fitted at most 1.2 times better where noise was 10 %, 1.9 times at any noise."""

_LEVEL_NOISE = 0.2
"""Levels of cosines that scatter more are none. Measured: 0.09 to 0.13 on SRG with 10 % of noise, 0.2 with 20 %."""

_LOST = 1e-6
"""A class whose mean is so much smaller than the largest has no angles worth the name: rounding of float32."""

_MOST_GRAPHS = 3
"""Readings of the levels that are tried: a taste; each costs an isomorphism test."""


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
    K = G.shape[0]
    identity = np.arange(K)
    norms = np.sqrt(np.clip(np.diag(G), 0.0, None))
    if norms.max() <= ZERO_FLOOR:
        return Structure("zero", 0.0, identity)
    G = np.ldexp(G, -np.frexp(np.abs(G).max())[1])  # exact; no square of an entry overflows
    G = (G + G.T) / 2
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


_FORMS = 6  # as many as `_forms` returns


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
