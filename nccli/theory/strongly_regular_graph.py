"""Strongly-regular-graph solutions: Súkeník et al. 2024, Definitions 4, 9 (K = r(r−1)/2) and 11 (any K).

Classes are edges of the complete graph K_r; the Gram matrix of T is that of the triangular graph T(r), the line graph
of K_r, with parameters (r(r−1)/2, 2(r−2), r−2, 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb, isqrt, sqrt

import numpy as np
from jaxtyping import Float, Int

from nccli.errors import InputError
from nccli.objective.logit_space import LogitSpace
from nccli.theory.deep_neural_collapse import dnc_template, drops_mean
from nccli.theory.graph_solution import Edges, disjointness_weights, incidence_matrix, linear_template
from nccli.theory.problem import Problem
from nccli.theory.spectrum import Spectrum
from nccli.theory.template import Construction, Family, Matrix, Template

_MOST_NAMED = 20
"""A taste: edges that a note tells one by one."""

_ROUNDING = 1e-11
"""A bound: of the largest eigenvalue; what is below is rounding of zero."""

SRG_VARIANTS = ("blocks", "truncated")


def triangular_root(K: int) -> int | None:
    """Return r with r(r−1)/2 = K, or None when K is no triangular number."""
    r = (1 + isqrt(1 + 8 * K)) // 2
    return r if comb(r, 2) == K else None


def least_root(K: int) -> int:
    """The least r with r(r−1)/2 ≥ K."""
    return (3 + isqrt(8 * K - 7)) // 2


def complete_edges(r: int) -> Edges:
    """The edges of the complete graph on r vertices, in lexicographic order: the classes of T(r)."""
    return tuple(combinations(range(r), 2))


def srg_template(r: int) -> Template:
    """The SRG template pair on r vertices (Definition 9), all invariants in closed form.

    T_{ve} = 1/√(r−1) if vertex v lies on edge e. Row {u, v} of Tt_L gives u and v weight −1, the other vertices +1,
    an edge the sum of its ends' weights, and is scaled to unit norm.

    Raises:
        InputError: r < 4; for r = 3 no two edges are disjoint.
    """
    if r < 4:
        raise InputError(f"r = {r}: the SRG solution needs r >= 4 vertices (K = r(r-1)/2 >= 6)")
    K = comb(r, 2)
    own, meeting, apart = comb(r - 2, 2), comb(r - 3, 2), comb(r - 4, 2)
    p = 1 / sqrt(own + 1)
    return Template(
        name=f"srg t({r})",
        classes=K,
        rows=r,
        last_rows=K,
        singular_values=Spectrum.of((sqrt(2), 1), (sqrt((r - 2) / (r - 1)), r - 1), (0.0, K - r)),
        last_singular_values=Spectrum.of((p * (own - 1), 1), (p * (r - 2), r - 1), (0.0, K - r)),
        last_map_norm_sq=K**2 / (r**2 - 5 * r + 8),
        output_eigenvalues=triangular_spectrum(r, own, meeting, apart, p**2),
        matrices=lambda: _matrices(r, complete_edges(r)),
        logits=lambda: triangular_logits(r, own, meeting, apart, p**2),
    )


def triangular_spectrum(r: int, own: float, meeting: float, apart: float, scale: float = 1.0) -> Spectrum:
    """Eigenvalues of scale · (own I + meeting A + apart (J − I − A)), A of T(r); a positive semi-definite matrix."""
    values = _triangular_values(r, own, meeting, apart, scale)
    return Spectrum.of(*zip(values.tolist(), (1, r - 1, comb(r, 2) - r), strict=True))


def _triangular_values(
    r: int, own: float, meeting: float, apart: float, scale: float
) -> Float[np.ndarray, "eigenspaces"]:
    """On 1, on what else comes from the vertices, and on the rest."""
    of_A_and_J = ((2 * (r - 2), comb(r, 2)), (r - 4, 0), (-2, 0))
    return _clip(np.array([scale * (own + meeting * a + apart * (j - 1 - a)) for a, j in of_A_and_J]))


def triangular_logits(r: int, own: float, meeting: float, apart: float, scale: float = 1.0) -> LogitSpace:
    """The logits that a last layer makes of such a Gram matrix: Z = θ_2 E_2 + θ_3 E_3 at the cost Σ_j m_j θ_j²/μ_j.

    E_j projects on an eigenspace of T(r), m_j is its dimension, μ_j the eigenvalue there; its entries on A and on
    J − I − A are m_j a_j/(K k), a_j the eigenvalue of that matrix and k how many ones it has in a row. What lies along
    1 adds the same to all logits, so cross-entropy does not see it.
    """
    K = comb(r, 2)
    values = _triangular_values(r, own, meeting, apart, scale)[1:]
    m, a = np.array([r - 1.0, K - r]), np.array([r - 4.0, -2.0])
    counts = np.array([2.0 * (r - 2), comb(r - 2, 2)])
    of_A, of_rest = m * a / (K * counts[0]), m * (-1 - a) / (K * counts[1])
    kept = values > 0
    S = (np.array([of_A, of_rest]) - m / K) * np.sqrt(values / m)
    return LogitSpace.homogeneous(S[:, kept], counts)


def _matrices(r: int, kept: Edges) -> tuple[Matrix, Matrix]:
    """(T, Tt_L) on r vertices with the columns of the kept edges; Tt_L keeps a row for every pair of vertices."""
    return vertex_matrices(r, complete_edges(r), 2 * sqrt(comb(r - 2, 2) + 1), kept)


def vertex_matrices(
    r: int, subsets: Sequence[Sequence[int]], row_norm: float, kept: Edges = ()
) -> tuple[Matrix, Matrix]:
    """(T, Tt_L) on r vertices with the columns of the kept edges, by default all; a row of Tt_L for every subset."""
    B = incidence_matrix(kept or complete_edges(r), r)
    return B / sqrt(r - 1), disjointness_weights(subsets, r) @ B / row_norm


@dataclass(frozen=True, eq=False)
class _Deleted:
    """The last edges of the complete graph on r vertices, in lexicographic order, and what they leave.

    They are all edges of the last t vertices, and those of the vertex before these, u, to the last q of them. So the
    vertices fall into four cells, {others}, {u}, {t − q not joined to u}, {q joined to u}, between and within which S,
    degrees on the diagonal and adjacency elsewhere, is constant: an equitable partition.

    Attributes:
        edges: that are deleted.
        sizes: of the cells that are not empty.
        within: eigenvalue of S on vectors that live in a cell and sum to zero.
        quotient: S on vectors that are constant in each cell, in an orthonormal basis.
    """

    edges: Edges
    sizes: Int[np.ndarray, " cells"]
    within: Float[np.ndarray, " cells"]
    quotient: Float[np.ndarray, "cells cells"]

    @classmethod
    def last(cls, r: int, count: int) -> "_Deleted":
        t = (1 + isqrt(1 + 8 * count)) // 2
        q = count - comb(t, 2)
        u, others = r - t - 1, r - t - 1
        edges = (*((u, v) for v in range(r - q, r)), *combinations(range(r - t, r), 2))
        sizes = np.array([others, 1, t - q, q])
        joined = np.array([[1, 1, 1, 1], [1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=float)
        degrees = joined @ sizes - np.diag(joined)
        root = np.sqrt(sizes)
        quotient = joined * np.outer(root, root) + np.diag(degrees - np.diag(joined))
        kept = sizes > 0
        return cls(edges, sizes[kept], (degrees - np.diag(joined))[kept], quotient[np.ix_(kept, kept)])

    def products(self, *factors: tuple[float, float]) -> list[list[tuple[float, int]]]:
        """Eigenvalues of (a I + b J) S for factors (a, b), J all ones, each with how often it occurs.

        Those of R S R, where R = √a I + (√(a + rb) − √a) J/r is the root of a I + b J.
        """
        own, other = np.array(factors, dtype=float).T[:, :, None, None]
        r = float(self.sizes.sum())
        ones = np.sqrt(np.outer(self.sizes, self.sizes)) / r
        root = np.sqrt(own) * np.eye(len(ones)) + (np.sqrt(np.maximum(own + r * other, 0.0)) - np.sqrt(own)) * ones
        across = np.linalg.eigvalsh(root @ self.quotient @ root)
        found = np.where(across > _ROUNDING * across[:, -1:], across, 0.0).tolist()
        inside = list(zip(self.within.tolist(), (self.sizes - 1).tolist(), strict=True))
        return [
            [*((value, 1) for value in values), *((a * value, count) for value, count in inside)]
            for (a, _), values in zip(factors, found, strict=True)
        ]


def _truncated_template(r: int, deleted: _Deleted) -> Template:
    """T(r) without its last columns, from 4 × 4 matrices alone: T and Tt_L factor through the vertices.

    With B the 0/1 incidence matrix, S = BBᵀ, C the vertex weights of the pairs and c the row norm in T(r):
    Tt_L = CB/c, where CᵀC = 4(r−2) I + (C(r,2) − 4(r−2)) J. The Gram matrix of σ(Tt_L) is a submatrix of that of T(r);
    since A = BᵀB − 2I and 1 = Bᵀ1/2 it equals 4/c² (b I + BᵀMB) with M = (C(r−3,2) − C(r−4,2)) I + C(r−4,2)/4 J.
    S has full rank r, for the first vertex and any kept edge that does not meet it are a triangle.
    """
    K = comb(r, 2) - len(deleted.edges)
    own, meeting, apart = comb(r - 2, 2), comb(r - 3, 2), comb(r - 4, 2)
    c_sq = 4.0 * (own + 1)
    beside = comb(r, 2) - 4 * (r - 2)
    base = float(own - apart - 2 * (meeting - apart))
    vertices, last, output = deleted.products((1, 0), (4 * (r - 2), beside), (meeting - apart, apart / 4))
    return Template(
        name=f"srg t({r}) minus {len(deleted.edges)}",
        classes=K,
        rows=r,
        last_rows=comb(r, 2),
        singular_values=Spectrum.merged([(sqrt(value / (r - 1)), count) for value, count in vertices], K),
        last_singular_values=Spectrum.merged([(sqrt(value / c_sq), count) for value, count in last], K),
        last_map_norm_sq=r * (4 * (r - 2) + beside) * (r - 1) / c_sq,
        output_eigenvalues=Spectrum.merged(
            [(4 * (base + value) / c_sq, count) for value, count in (*output, (0.0, K - r))], K
        ),
        matrices=lambda: _matrices(r, complete_edges(r)[:K]),
    )


def _clip(values: Float[np.ndarray, " r"]) -> Float[np.ndarray, " r"]:
    """Eigenvalues of a positive semi-definite matrix with what is rounding set to zero."""
    return np.where(values > _ROUNDING * float(np.max(values, initial=0.0)), values, 0.0)


@lru_cache(maxsize=4096)
def srg(K: int, variant: str) -> Construction:
    """The SRG solution for K classes; for K = r(r−1)/2 both variants are Definition 9 itself.

    Args:
        K: number of classes; at least 6 for "blocks", at least 4 for "truncated".
        variant: "blocks", Definition 11 (1): the largest r with r(r−1)/2 ≤ K, DNC on the other classes;
            "truncated", Definition 11 (2): the smallest r with r(r−1)/2 ≥ K, columns deleted. All columns of T(r) have
            the same fit loss, so any may go: these are the last in lexicographic order.

    Raises:
        InputError: K too small, or no such variant.
    """
    if variant not in SRG_VARIANTS:
        raise InputError(f"variant '{variant}': an SRG solution is one of {', '.join(SRG_VARIANTS)}")
    least = 6 if variant == "blocks" else 4
    if K < least:
        raise InputError(f"K = {K}: the SRG solution ({variant}) needs K >= {least}")
    r = triangular_root(K)
    if r is not None:
        return Construction("srg", variant, (srg_template(r),))
    below = (1 + isqrt(1 + 8 * K)) // 2
    if variant == "blocks":
        return Construction("srg", variant, (srg_template(below), dnc_template(K - comb(below, 2))))
    r = max(below + 1, 4)
    deleted = _Deleted.last(r, comb(r, 2) - K)
    return Construction("srg", variant, (_truncated_template(r, deleted),), note=_named(r, deleted.edges))


def _named(r: int, edges: Edges) -> str:
    if len(edges) > _MOST_NAMED:
        return f"the last {len(edges)} edges of K_{r} are deleted, in lexicographic order"
    return f"deleted edges of K_{r}: " + ", ".join(f"{u}-{v}" for u, v in edges)


def srg_variants(K: int) -> tuple[Construction, ...]:
    """Every SRG solution that exists for K classes; none for K < 4, one for triangular K and for K = 4, 5."""
    if triangular_root(K) is not None and K >= 6:
        return (srg(K, "blocks"),)
    return tuple(srg(K, variant) for variant in SRG_VARIANTS if K >= (6 if variant == "blocks" else 4))


@lru_cache(maxsize=256)
def _linear_srg(K: int, centred: bool) -> Construction:
    """What is left of the SRG solution in a linear network: T of the last edges deleted, in every layer."""
    r = max(4, least_root(K))
    deleted = comb(r, 2) - K
    name = f"linear srg t({r})" + (f" minus {deleted}" if deleted else "")
    template = linear_template(name, incidence_matrix(complete_edges(r)[:K], r) / sqrt(r - 1), centred)
    return Construction("srg", "truncated" if deleted else "blocks", (template,))


def srg_forms(problem: Problem, variant: str | None = None) -> tuple[Construction, ...]:
    """Every SRG solution of a problem, or that variant; none where there is none.

    In a linear network nothing is cut by ReLU: T stands in the last layer too, `truncated` where K is not r(r−1)/2.

    Raises:
        InputError: no such variant, or none for so few classes or for a linear network.
    """
    K = problem.K
    if not problem.linear:
        return srg_variants(K) if variant is None else (srg(K, variant),)
    if variant == "blocks" and triangular_root(K) is None:
        raise InputError(f"variant 'blocks', K = {K}: a linear network has SRG as one block: --variant truncated")
    if variant not in (None, *SRG_VARIANTS):
        raise InputError(f"variant '{variant}': an SRG solution is one of {', '.join(SRG_VARIANTS)}")
    return (_linear_srg(K, drops_mean(problem)),) if K >= 4 else ()


def _forms(problem: Problem, variant: str | None = None) -> tuple[Construction, ...]:
    K = problem.K
    found = srg_forms(problem, variant)
    if not found:
        raise InputError(f"K = {K}: an SRG solution needs K >= 4; --kind dnc has no such limit")
    return found


FAMILY = Family("srg", _forms, takes=("variant",))
