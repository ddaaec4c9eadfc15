"""The coarsest stable colouring of pairs of classes (Weisfeiler and Leman 1968): what symmetry of a Gram matrix forces.

Matrices that are constant on colours are closed under products, transposes and entry-wise functions: the coherent
closure of the Gram matrix. A gradient flow of logits from zero never leaves it, and neither does a unique minimiser.
"""

import numpy as np
from jaxtyping import Float, Int, Integer

_SAME = 1e-10
"""A bound: of the largest entry, rounding of entries of a Gram matrix that are equal."""

_EXACT_BITS = 53
"""A bound: sums of products of integers are exact below 2^53 in any order."""

_TRIVIAL = 2
"""Own and others: such a colouring is stable."""

_SEED = 0
"""Of the hash; any."""

Colours = Int[np.ndarray, "K K"]
"""Colour of the pair (row, column), from 0 on."""


def stable_colouring(gram: Float[np.ndarray, "K K"], blocks: Int[np.ndarray, " K"] | None = None) -> Colours:
    """Colours such that pairs of one colour are joined by equally many ways of two steps in any two colours.

    Ways are told apart by products of matrices of random integers, so that a colouring costs a few of those.

    Args:
        gram: symmetric; entries that differ by rounding are equal.
        blocks: by class, what tells it from others beside its entries; nothing if not said.

    Returns:
        Colours. The diagonal shares none with the rest, and the colour of (i, j) tells those of (i, i) and (j, j).
    """
    K = len(gram)
    colours = 2 * _by_value(gram) + np.eye(K, dtype=np.int64)
    if blocks is not None:
        colours = (colours * (blocks.max() + 1) + blocks[:, None]) * (blocks.max() + 1) + blocks[None, :]
    colours, count = _numbered(colours)
    draw = np.random.default_rng(_SEED)
    largest = 2 ** ((_EXACT_BITS - K.bit_length()) // 2)
    while count > _TRIVIAL:
        left, right = (draw.integers(0, largest, count).astype(float)[colours] for _ in range(2))
        ways = (left @ right).astype(np.uint64)
        finer, more = _numbered(np.stack([colours.astype(np.uint64), colours.T.astype(np.uint64), ways], axis=-1))
        if more == count:
            return colours
        colours, count = finer, more
    return colours


def _by_value(gram: Float[np.ndarray, "K K"]) -> Colours:
    """Entries numbered, those that differ by rounding alike."""
    values, place = np.unique(gram, return_inverse=True)
    steps = np.diff(values) > _SAME * np.abs(values).max(initial=0.0)
    return np.asarray(np.concatenate([[0], np.cumsum(steps)])[place.reshape(gram.shape)])


def _numbered(found: Integer[np.ndarray, "K K *_"]) -> tuple[Colours, int]:
    """Distinct entries (or vectors) as 0..count − 1."""
    K = len(found)
    flat = found.reshape(K * K, -1)
    if flat.shape[1] > 1:
        keys = np.random.default_rng(_SEED).integers(0, 2**63, flat.shape[1], dtype=np.uint64) | np.uint64(1)
        flat = ((flat ^ (flat >> np.uint64(31))) * keys).sum(axis=1, dtype=np.uint64)
    values, place = np.unique(flat, return_inverse=True)
    return place.reshape(K, K), len(values)
