"""Alignment of weights with class means."""

import numpy as np
from jaxtyping import Float


def dnc3(weights: Float[np.ndarray, "out d"], class_means: Float[np.ndarray, "K d"]) -> float:
    """Weighted mean over non-zero rows w of W_l of 1 − max_k |cos(w, m_k)|, weights ‖w‖² (theory sheet, section 3).

    Args:
        weights: W_l.
        class_means: of the layer's input H_l, one class a row; zero means are left out.

    Returns:
        In [0, 1]; 0.0 is full collapse, every row of W_l along a class mean. nan when W_l or all means are zero.
    """
    W = np.asarray(weights, dtype=np.float64)
    M = np.asarray(class_means, dtype=np.float64)
    if not (np.isfinite(W).all() and np.isfinite(M).all()):
        raise ValueError("alignment of weights and class means with nan or infinite entries does not exist")
    row_sq = np.sum(W**2, axis=1)
    mean_norm = np.linalg.norm(M, axis=1)
    rows, means = row_sq > 0, mean_norm > 0
    if not rows.any() or not means.any():
        return float("nan")
    cosines = np.abs(W[rows] @ M[means].T) / (np.sqrt(row_sq[rows])[:, None] * mean_norm[means])
    return float(np.clip(np.average(1 - cosines.max(axis=1), weights=row_sq[rows]), 0.0, 1.0))
