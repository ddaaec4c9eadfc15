"""Class means and the traces of within- and between-class covariance."""

import numpy as np
from jaxtyping import Float, Int


def class_means(
    features: Float[np.ndarray, "*batch N d"], labels: Int[np.ndarray, " N"]
) -> Float[np.ndarray, "*batch K d"]:
    """Mean feature of each class, in float64.

    Args:
        features: one sample a row (the transpose of the paper's d × N); leading axes are independent batches.
        labels: class of each sample, 0..K−1, each class at least once.

    Returns:
        Row k is the mean over class k: the transpose of the paper's M_l.

    Raises:
        ValueError: a class below the largest label has no sample, or a label is negative.
    """
    counts = _class_counts(labels)
    indicator = np.zeros((counts.size, labels.size))
    indicator[labels, np.arange(labels.size)] = 1.0 / counts[labels]
    return np.asarray(indicator @ np.asarray(features, dtype=np.float64))


def dnc1(features: Float[np.ndarray, "*batch N d"], labels: Int[np.ndarray, " N"]) -> Float[np.ndarray, "*batch"]:
    """Within-class over between-class variability, tr(Σ_W)/tr(Σ_B) (Súkeník et al. 2024, section 6).

    Σ_W = 1/N Σ_i (h_i − m_{y_i})(h_i − m_{y_i})ᵀ and Σ_B = Σ_k N_k/N (m_k − m)(m_k − m)ᵀ with m the global mean.

    Args:
        features: one sample a row; leading axes are independent batches.
        labels: class of each sample, 0..K−1.

    Returns:
        In [0, ∞], without unit; 0 is full collapse, exactly so for one sample a class. ∞ where classes vary inside but
        do not differ (one class, for example); nan where nothing varies at all (the zero matrix).

    Raises:
        ValueError: as `class_means`.
    """
    X = np.asarray(features, dtype=np.float64)
    X = X - X[..., :1, :]  # so that features that do not vary are exactly zero
    means = class_means(X, labels)
    share = _class_counts(labels) / labels.size
    within = np.sum((X - means[..., labels, :]) ** 2, axis=(-2, -1)) / labels.size
    centred = means - np.sum(share[:, None] * means, axis=-2, keepdims=True)
    between = np.sum(share[:, None] * centred**2, axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(within, between))


def _class_counts(labels: Int[np.ndarray, " N"]) -> Int[np.ndarray, " K"]:
    if labels.size == 0 or labels.min() < 0:
        raise ValueError("labels must be integers 0..K-1, at least one")
    counts = np.bincount(labels)
    if not counts.all():
        raise ValueError(f"class {int(np.argmin(counts))} has no sample: labels must be 0..{counts.size - 1}, all used")
    return counts
