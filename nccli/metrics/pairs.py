"""Pairs of classes, a block of rows of their Gram matrix at a time: of 10,000 classes it is 0.8 GB as a whole."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

_ROWS = 512
"""A taste: rows of the Gram matrix at a time, 40 MB of 10,000 classes."""

_NEAR = 1e-4
"""A bound: where ‖m_a − m_b‖² is this share of ‖m_a‖² + ‖m_b‖² or more, a difference of products has 12 digits."""

_AT_ONCE = 2**19
"""A taste: numbers of differences at a time, 4 MiB."""

Indices = Int[np.ndarray, " pairs"]


def pair_count(K: int) -> int:
    """Pairs of K classes."""
    return K * (K - 1) // 2


def gram_rows(M: Float[np.ndarray, "K d"]) -> Iterator[tuple[Int[np.ndarray, " rows"], Float[np.ndarray, "rows K"]]]:
    """Rows of M Mᵀ, with their numbers."""
    for start in range(0, len(M), _ROWS):
        place = np.arange(start, min(start + _ROWS, len(M)))
        yield place, M[place] @ M.T


def pair_products(M: Float[np.ndarray, "K d"]) -> Iterator[tuple[Indices, Indices, Float[np.ndarray, " pairs"]]]:
    """⟨m_a, m_b⟩ of all pairs a < b: a, b, products."""
    K = len(M)
    for start in range(0, K - 1, _ROWS):
        place = np.arange(start, min(start + _ROWS, K))
        later = np.arange(start, K) > place[:, None]
        products = (M[place] @ M[start:].T)[later]
        yield np.repeat(place, K - 1 - place), np.concatenate([np.arange(each + 1, K) for each in place]), products


def pair_distances(M: Float[np.ndarray, "K d"]) -> Iterator[tuple[Indices, Indices, Float[np.ndarray, " pairs"]]]:
    """‖m_a − m_b‖² of all pairs a < b: a, b, squared distances; of equal rows exactly 0."""
    shifted = M - M[:1]
    centred = shifted - shifted.mean(axis=0)
    squares = np.einsum("kd,kd->k", centred, centred)
    for a, b, products in pair_products(centred):
        sums = squares[a] + squares[b]
        apart = sums - 2 * products
        near = np.flatnonzero(apart < _NEAR * sums)
        step = max(1, _AT_ONCE // M.shape[1])
        for start in range(0, len(near), step):
            some = near[start : start + step]
            apart[some] = np.sum((M[a[some]] - M[b[some]]) ** 2, axis=1)
        yield a, b, apart


def opposite_pairs(
    products: Float[np.ndarray, "K K"],
) -> tuple[Int[np.ndarray, " half"], Int[np.ndarray, " half"]] | None:
    """Classes two by two, each with the one whose entry is the least of its row; None where these do not fit together.

    Args:
        products: one row a class, of means with means or of outputs; more than one class, and their number is even.
    """
    sums = products + products.T
    np.fill_diagonal(sums, np.inf)
    partner = np.argmin(sums, axis=1)
    if (partner[partner] != np.arange(len(sums))).any():
        return None
    first = np.flatnonzero(np.arange(len(sums)) < partner)
    return first, partner[first]
