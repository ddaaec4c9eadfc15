"""Strongly-regular-graph solutions: Súkeník et al. 2024, Definitions 4, 9 (K = r(r−1)/2) and 11 (any K).

Classes are edges of the complete graph K_r; the Gram matrix of T is that of the triangular graph T(r), the line graph
of K_r, with parameters (r(r−1)/2, 2(r−2), r−2, 4).
"""

from functools import lru_cache
from itertools import combinations
from math import comb, isqrt, sqrt

import numpy as np
from jaxtyping import Float

from nccli.errors import InputError
from nccli.theory.deep_neural_collapse import dnc_template
from nccli.theory.graph_solution import Edges, disjointness_weights, incidence_matrix
from nccli.theory.spectrum import Spectrum
from nccli.theory.template import PINV_RTOL, Construction, Family, Matrix, Template

SRG_VARIANTS = ("blocks", "truncated")


def triangular_root(K: int) -> int | None:
    """Return r with r(r−1)/2 = K, or None when K is no triangular number."""
    r = (1 + isqrt(1 + 8 * K)) // 2
    return r if comb(r, 2) == K else None


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
        name=f"SRG T({r})",
        classes=K,
        rows=r,
        last_rows=K,
        singular_values=Spectrum.of((sqrt(2), 1), (sqrt((r - 2) / (r - 1)), r - 1), (0.0, K - r)),
        last_singular_values=Spectrum.of((p * (own - 1), 1), (p * (r - 2), r - 1), (0.0, K - r)),
        last_map_norm_sq=K**2 / (r**2 - 5 * r + 8),
        output_eigenvalues=triangular_spectrum(r, own, meeting, apart, p**2),
        matrices=lambda: _matrices(r, complete_edges(r)),
    )


def triangular_spectrum(r: int, own: float, meeting: float, apart: float, scale: float = 1.0) -> Spectrum:
    """Eigenvalues of scale · (own I + meeting A + apart (J − I − A)), A of T(r); a positive semi-definite matrix."""
    K = comb(r, 2)
    of_A_and_J = ((2 * (r - 2), K), (r - 4, 0), (-2, 0))
    values = _clip(np.array([scale * (own + meeting * a + apart * (j - 1 - a)) for a, j in of_A_and_J]))
    return Spectrum.of(*zip(values.tolist(), (1, r - 1, K - r), strict=True))


def _matrices(r: int, kept: Edges) -> tuple[Matrix, Matrix]:
    """(T, Tt_L) on r vertices with the columns of the kept edges; Tt_L keeps a row for every pair of vertices."""
    B = incidence_matrix(kept, r)
    row_norm = 2 * sqrt(comb(r - 2, 2) + 1)
    return B / sqrt(r - 1), disjointness_weights(complete_edges(r), r) @ B / row_norm


def _truncated_template(r: int, kept: Edges) -> Template:
    """T(r) without some columns, from r × r matrices alone: T and Tt_L factor through the vertices.

    With B the 0/1 incidence matrix, S = BBᵀ, C the vertex weights of the pairs and c the row norm in T(r):
    Tt_L = CB/c, where CᵀC = 4(r−2) I + (C(r,2) − 4(r−2)) J. The Gram matrix of σ(Tt_L) is a submatrix of that of T(r);
    since A = BᵀB − 2I and 1 = Bᵀ1/2 it equals 4/c² (b I + BᵀMB) with M = (C(r−3,2) − C(r−4,2)) I + C(r−4,2)/4 J.
    """
    K = len(kept)
    S = _vertex_gram(r, kept)
    own, meeting, apart = comb(r - 2, 2), comb(r - 3, 2), comb(r - 4, 2)
    c_sq = 4.0 * (own + 1)
    eye, ones = np.eye(r), np.ones((r, r))
    CtC = 4 * (r - 2) * eye + (comb(r, 2) - 4 * (r - 2)) * ones
    M = (meeting - apart) * eye + apart / 4 * ones
    output = np.full(K, float(own - apart - 2 * (meeting - apart)))
    top = min(r, K)
    output[:top] += _product_eigenvalues(M, S)[:top]
    return Template(
        name=f"SRG T({r}) minus {comb(r, 2) - K}",
        classes=K,
        rows=r,
        last_rows=comb(r, 2),
        singular_values=Spectrum.from_values(np.sqrt(_clip(np.linalg.eigvalsh(S))[::-1][:top] / (r - 1)), K),
        last_singular_values=Spectrum.from_values(np.sqrt(_product_eigenvalues(CtC, S)[:top] / c_sq), K),
        last_map_norm_sq=float(np.trace(CtC @ S @ np.linalg.pinv(S, rcond=PINV_RTOL, hermitian=True))) * (r - 1) / c_sq,
        output_eigenvalues=Spectrum.from_values(4 * output / c_sq, K),
        matrices=lambda: _matrices(r, kept),
    )


def _vertex_gram(r: int, kept: Edges) -> Float[np.ndarray, "r r"]:
    """BBᵀ: degrees on the diagonal, adjacency elsewhere."""
    S = np.zeros((r, r))
    index = np.array(kept)
    S[index[:, 0], index[:, 1]] = S[index[:, 1], index[:, 0]] = 1.0
    return S + np.diag(S.sum(axis=1))


def _product_eigenvalues(P: Float[np.ndarray, "r r"], S: Float[np.ndarray, "r r"]) -> Float[np.ndarray, " r"]:
    """Eigenvalues of PS for positive semi-definite P and S, largest first."""
    values, vectors = np.linalg.eigh(P)
    root = vectors * np.sqrt(_clip(values))
    return _clip(np.linalg.eigvalsh(root.T @ S @ root))[::-1]


def _clip(values: Float[np.ndarray, " r"]) -> Float[np.ndarray, " r"]:
    """Eigenvalues of a positive semi-definite matrix with what is rounding set to zero."""
    return np.where(values > 1e-11 * float(np.max(values, initial=0.0)), values, 0.0)


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
    edges = complete_edges(r)
    deleted = ", ".join(f"{u}-{v}" for u, v in edges[K:])
    return Construction("srg", variant, (_truncated_template(r, edges[:K]),), note=f"deleted edges of K_{r}: {deleted}")


def srg_variants(K: int) -> tuple[Construction, ...]:
    """Every SRG solution that exists for K classes; none for K < 4, one for triangular K and for K = 4, 5."""
    if triangular_root(K) is not None and K >= 6:
        return (srg(K, "blocks"),)
    return tuple(srg(K, variant) for variant in SRG_VARIANTS if K >= (6 if variant == "blocks" else 4))


def _forms(K: int, variant: str | None = None) -> tuple[Construction, ...]:
    found = srg_variants(K) if variant is None else (srg(K, variant),)
    if not found:
        raise InputError(f"K = {K}: an SRG solution needs K >= 4; --kind dnc has no such limit")
    return found


FAMILY = Family("srg", _forms, takes=("variant",))
