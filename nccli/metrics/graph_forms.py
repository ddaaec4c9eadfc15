"""Gram matrices that the layers of a graph solution have, up to a scale (theory sheet, sections 2 and 5)."""

from collections.abc import Sequence
from functools import lru_cache
from math import comb, perm

import numpy as np
from jaxtyping import Float

from nccli.metrics.related_classes import RootGraph, complete_root, incidence

Gram = Float[np.ndarray, "k k"]
Grams = Float[np.ndarray, "forms k k"]

_FEW = 32
"""A taste: edges of graphs whose forms are remembered; 256 of them take at most 23 MB."""

_ROUNDING = 1e-12
"""Of eigenvalues, over the largest."""


def graph_forms(root: RootGraph) -> Grams:
    """Of layers 2..L−1 and 1, then of the last one before and after the activation and, for L = 2, of the first.

    The last layer has rows of Tt_L for every edge of the graph, each of unit norm (variant `disjoint`), for every pair
    of its vertices, all of one scale (Definition 11: T(r) without some columns), or BᵀB − 1 (variant `identity`).
    As many for every graph, in the same order. A layer whose classes are orthogonal shows no graph: instead of its form
    stands that of layers 2..L−1.
    """
    return _remembered(root.edges) if len(root.edges) <= _FEW else _graph_forms(root.edges)


def _graph_forms(edges: tuple[tuple[int, int], ...]) -> Grams:
    B = incidence(edges)
    q = B.shape[0]
    hidden = B.T @ B
    pairs = np.zeros((comb(q, 2), q))
    for row, (u, v) in enumerate(complete_root(q)):
        pairs[row, [u, v]] = 1.0
    forms = [hidden, _square_root(hidden)]
    for last in (_unit_rows((1.0 - 2.0 * B.T) @ B), (1.0 - 2.0 * pairs) @ B, _unit_rows(hidden - 1.0)):
        forms += [hidden if _is_diagonal(form) else form for form in _last_forms(last)]
    return _fixed(forms)


_remembered = lru_cache(maxsize=256)(_graph_forms)


def single_forms(k: int) -> Grams:
    """Of as many single classes, in the same order."""
    return np.broadcast_to(np.eye(k), (len(graph_forms(_EDGE)), k, k))


@lru_cache(maxsize=8)
def bipartition_forms(r: int) -> Grams:
    """The last layer before and after the activation, and the first for L = 2, of bipartition rows for s = 2..r−1."""
    B = incidence(complete_root(r))
    own, meeting = np.eye(comb(r, 2)), B.T @ B - 2.0 * np.eye(comb(r, 2))
    apart = 1.0 - own - meeting
    forms = []
    for s in range(2, r):
        unlike = 4 * s * (r - s) / (r * (r - 1))  # 1 − mean of u_i u_j
        before = B.T @ (unlike * np.eye(r) + (1.0 - unlike)) @ B
        inside = [perm(s, k) / perm(r, k) for k in (2, 3, 4)]
        forms += [before, inside[0] * own + inside[1] * meeting + inside[2] * apart, _square_root(before)]
    return _fixed(forms)


def _fixed(forms: Sequence[Gram]) -> Grams:
    """As an array that whoever remembers it can hand out."""
    found = np.array(forms)
    found.flags.writeable = False
    return found


def _last_forms(rows: Float[np.ndarray, "p k"]) -> list[Gram]:
    before, passed = rows.T @ rows, np.maximum(rows, 0.0)
    return [before, passed.T @ passed, _square_root(before)]


def _is_diagonal(gram: Gram) -> bool:
    return bool(np.abs(gram - np.diag(np.diag(gram))).max() < _ROUNDING * np.abs(gram).max(initial=1.0))


def _unit_rows(rows: Float[np.ndarray, "p k"]) -> Float[np.ndarray, "_ k"]:
    rows = rows[rows.any(axis=1)]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _square_root(gram: Gram) -> Gram:
    values, vectors = np.linalg.eigh(gram)
    root = np.sqrt(
        np.where(values > _ROUNDING * values[-1], values, 0.0).clip(min=0.0)
    )  # that of rounding would be 1e-8
    return np.asarray((vectors * root) @ vectors.T)


_EDGE = RootGraph("", ((0, 1), (1, 2)), np.arange(2))
"""Any graph: all have as many forms."""
