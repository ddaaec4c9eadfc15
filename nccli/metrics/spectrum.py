"""Ranks and norms of a matrix as functions of its singular values, so that a stored spectrum answers all of them."""

import numpy as np
from jaxtyping import Float, Int

RANK_RTOL = 1e-2
"""A singular value counts towards the rank when it is above this fraction of the largest one."""

ZERO_FLOOR = 1e-6
"""A singular value below this is zero whatever its neighbours: a network that decayed to zero has rank 0."""


def singular_values(matrix: Float[np.ndarray, "*batch p q"]) -> Float[np.ndarray, "*batch r"]:
    """Singular values in float64, largest first, min(p, q) of them.

    Raises:
        ValueError: an entry is nan or infinite.
    """
    M = np.asarray(matrix, dtype=np.float64)
    if not np.isfinite(M).all():
        raise ValueError("singular values of a matrix with nan or infinite entries do not exist")
    return np.linalg.svd(M, compute_uv=False)


def numerical_rank(
    spectrum: Float[np.ndarray, "*batch r"], rtol: float = RANK_RTOL, floor: float = ZERO_FLOOR
) -> Int[np.ndarray, "*batch"]:
    """Number of singular values above max(rtol · s_1, floor); 0 for the zero matrix.

    Args:
        spectrum: singular values, in any order.
        rtol: tolerance relative to the largest, without unit.
        floor: absolute tolerance, in the unit of the matrix.
    """
    largest = np.max(spectrum, axis=-1, keepdims=True, initial=0.0)
    return np.asarray(np.sum(spectrum > np.maximum(rtol * largest, floor), axis=-1))


def effective_rank(spectrum: Float[np.ndarray, "*batch r"]) -> Float[np.ndarray, "*batch"]:
    """exp(entropy of s/Σs) (Roy and Vetterli 2007): between 1 and the rank, 0 for the zero matrix."""
    total = np.sum(spectrum, axis=-1, keepdims=True)
    p = np.divide(spectrum, total, out=np.zeros_like(spectrum), where=total > 0)
    entropy = -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=-1)
    return np.asarray(np.where(total[..., 0] > 0, np.exp(entropy), 0.0))


def stable_rank(spectrum: Float[np.ndarray, "*batch r"]) -> Float[np.ndarray, "*batch"]:
    """‖·‖²_F / ‖·‖²_2: between 1 and the rank, 0 for the zero matrix."""
    largest = np.max(spectrum, axis=-1, keepdims=True, initial=0.0)
    scaled = np.divide(spectrum, largest, out=np.zeros_like(spectrum), where=largest > 0)
    return np.asarray(np.sum(scaled**2, axis=-1))


def nuclear_norm(spectrum: Float[np.ndarray, "*batch r"]) -> Float[np.ndarray, "*batch"]:
    """Sum of the singular values."""
    return np.asarray(np.sum(spectrum, axis=-1))


def dnc2(class_means: Float[np.ndarray, "*batch K d"]) -> Float[np.ndarray, "*batch"]:
    """Condition number s_1/s_K of the class-mean matrix (Súkeník et al. 2024, section 6).

    Args:
        class_means: one class a row, not centred: without biases the target frame is orthogonal.

    Returns:
        In [1, ∞]; 1.0 is full collapse (an orthogonal frame), ∞ a rank below K, the zero matrix and d < K included.
    """
    K, d = class_means.shape[-2:]
    spectrum = singular_values(class_means)
    if d < K:
        return np.full(spectrum.shape[:-1], np.inf)
    first, last = spectrum[..., 0], spectrum[..., K - 1]
    deficient = last <= K * np.finfo(np.float64).eps * first
    return np.asarray(np.divide(first, last, out=np.full_like(first, np.inf), where=~deficient))
