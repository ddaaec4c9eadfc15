"""The last layer's weights W (K × d) and bias b by themselves, and against the means of the features that they read."""

import numpy as np
from jaxtyping import Float


def nc0(weights: Float[np.ndarray, "K d"]) -> float:
    """‖Wᵀ1‖²/K, the sum of the rows of the classifier (Zhao et al. 2026).

    Returns:
        In [0, ∞), in the squared unit of the weights; 0 where the rows are centred, as those of a simplex ETF.
    """
    return float(np.sum(weights.sum(axis=0) ** 2) / len(weights))


def logit_norm(
    weights: Float[np.ndarray, "K d"], bias: Float[np.ndarray, " K"], class_means: Float[np.ndarray, "K d"]
) -> float:
    """Mean over classes of ‖W μ_k + b‖, the logits of the class means, which are not centred.

    Returns:
        In [0, ∞), in the unit of the output; 1 where class means are told apart by one-hot outputs.
    """
    return float(np.mean(_logit_norms(weights, bias, class_means)))


def logit_norm_variation(
    weights: Float[np.ndarray, "K d"], bias: Float[np.ndarray, " K"], class_means: Float[np.ndarray, "K d"]
) -> float:
    """Standard deviation over mean of ‖W μ_k + b‖ over classes.

    Returns:
        In [0, √(K−1)]; 0 where the logits of all classes are of one norm; nan where all are zero.
    """
    norms = _logit_norms(weights, bias, class_means)
    return float(np.std(norms) / np.mean(norms)) if norms.any() else float("nan")


def duality_cosine(weights: Float[np.ndarray, "K d"], centred_means: Float[np.ndarray, "K d"]) -> float:
    """Mean over classes of cos(w_k, m_k), m_k the centred mean of class k (Papyan et al. 2020, NC3).

    Returns:
        In [−1, 1]; 1 where each row of the classifier lies along its class mean; nan where one of them is zero.
    """
    cosines = _cosines(weights, centred_means)
    return float(np.mean(cosines))


def uniform_duality(weights: Float[np.ndarray, "K d"], centred_means: Float[np.ndarray, "K d"]) -> float:
    """Standard deviation over |mean| of cos(w_k, m_k) over classes (Wu and Papyan 2024, UNC3).

    Returns:
        In [0, ∞]; 0 where all rows are equally well aligned; nan where a row or a mean is zero.
    """
    cosines = _cosines(weights, centred_means)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(np.std(cosines), np.abs(np.mean(cosines))))


def _logit_norms(
    weights: Float[np.ndarray, "K d"], bias: Float[np.ndarray, " K"], class_means: Float[np.ndarray, "K d"]
) -> Float[np.ndarray, " K"]:
    return np.asarray(np.linalg.norm(class_means @ weights.T + bias, axis=1))


def _cosines(W: Float[np.ndarray, "K d"], M: Float[np.ndarray, "K d"]) -> Float[np.ndarray, " K"]:
    sizes = np.linalg.norm(W, axis=1) * np.linalg.norm(M, axis=1)
    if not sizes.all():
        return np.full(len(W), np.nan)
    return np.asarray(np.clip(np.einsum("kd,kd->k", W, M) / sizes, -1.0, 1.0))
