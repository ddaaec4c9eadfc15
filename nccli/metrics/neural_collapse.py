"""The single-layer neural-collapse set NC1 to NC4 (Papyan, Han and Donoho 2020), from means, covariances and weights.

0 is full collapse in every one of them.
"""

import numpy as np
from jaxtyping import Float, Int

from nccli.metrics.class_statistics import ClassStatistics


def nc1_pinv(statistics: ClassStatistics) -> float:
    """tr(Σ_W Σ_B⁺)/K (Papyan et al. 2020, NC1).

    Inverts the smallest between-class variance, so it blows up where class means have low rank; DNC1 does not.

    Returns:
        In [0, ∞); nan where the class means do not differ.
    """
    scaled = np.sqrt(statistics.shares)[:, None] * statistics.centred_means
    _, s, axes = np.linalg.svd(scaled, full_matrices=False)
    kept = s > max(scaled.shape) * np.finfo(np.float64).eps * s[0]
    if not s[0] > 0:
        return float("nan")
    V = axes[kept]
    along = np.sum((V @ statistics.within) * V, axis=1)
    return max(0.0, float(np.sum(along / s[kept] ** 2))) / len(statistics.counts)


def cdnv(statistics: ClassStatistics) -> float:
    """Class-distance normalised variance, (V_a + V_b) / (2 ‖m_a − m_b‖²), mean over class pairs (Galanti et al. 2021).

    Returns:
        In [0, ∞]; ∞ where two classes that vary have the same mean; nan where neither varies, or for one class.
    """
    M, V = statistics.means, statistics.spreads
    a, b = np.triu_indices(len(V), 1)
    if not a.size:
        return float("nan")
    apart = np.sum((M[a] - M[b]) ** 2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean((V[a] + V[b]) / (2 * apart)))


def equinorm(centred_means: Float[np.ndarray, "K d"]) -> float:
    """Standard deviation over mean of the norms of centred class means (Papyan et al. 2020, NC2).

    Returns:
        In [0, √(K−1)]; nan where all are zero.
    """
    norms = np.linalg.norm(centred_means, axis=1)
    return float(np.std(norms) / np.mean(norms)) if norms.any() else float("nan")


def equiangularity(centred_means: Float[np.ndarray, "K d"]) -> float:
    """Mean over pairs of |cos(m_a, m_b) + 1/(K−1)| of centred class means (Papyan et al. 2020, NC2).

    Returns:
        In [0, 1 + 1/(K−1)]; nan where a mean is zero.
    """
    K = len(centred_means)
    norms = np.linalg.norm(centred_means, axis=1)
    if K < 2 or not norms.all():
        return float("nan")
    unit = centred_means / norms[:, None]
    cosines = (unit @ unit.T)[np.triu_indices(K, 1)]
    return float(np.mean(np.abs(cosines + 1 / (K - 1))))


def etf_distance(centred_means: Float[np.ndarray, "K d"]) -> float:
    """‖G/‖G‖_F − E/‖E‖_F‖_F, G the Gram matrix of centred means, E = I − 11ᵀ/K that of a simplex ETF.

    Returns:
        In [0, √2]; nan where all means are zero.
    """
    K = len(centred_means)
    return _gram_distance(centred_means, np.eye(K) - 1 / K)


def frame_distance(class_means: Float[np.ndarray, "K d"]) -> float:
    """‖G/‖G‖_F − I/√K‖_F, G the Gram matrix of means that are not centred: the target of a model without biases.

    Returns:
        In [0, √2]; nan where all means are zero.
    """
    return _gram_distance(class_means, np.eye(len(class_means)))


def self_duality(weights: Float[np.ndarray, "K d"], centred_means: Float[np.ndarray, "K d"]) -> float:
    """‖W/‖W‖_F − M/‖M‖_F‖_F of the classifier and the centred means of its input (Papyan et al. 2020, NC3).

    Returns:
        In [0, 2]; nan where either is zero.
    """
    W, M = np.asarray(weights, np.float64), np.asarray(centred_means, np.float64)
    sizes = np.linalg.norm(W), np.linalg.norm(M)
    return float(np.linalg.norm(W / sizes[0] - M / sizes[1])) if all(sizes) else float("nan")


def nearest_class_mean(
    features: Float[np.ndarray, "N d"], class_means: Float[np.ndarray, "K d"]
) -> Int[np.ndarray, " N"]:
    """The class whose mean is nearest to each feature; of equals the first."""
    X, M = np.asarray(features, np.float64), np.asarray(class_means, np.float64)
    return np.asarray(np.argmin(np.sum(M**2, axis=1) - 2 * X @ M.T, axis=1))


def nearest_class_mean_disagreement(
    features: Float[np.ndarray, "N d"],
    class_means: Float[np.ndarray, "K d"],
    predictions: Int[np.ndarray, " N"],
) -> float:
    """Share of samples on which the network and the nearest-class-mean rule disagree (Papyan et al. 2020, NC4).

    Args:
        features: the classifier's input.
        class_means: of these features.
        predictions: classes that the network predicts.

    Returns:
        In [0, 1].
    """
    return float(np.mean(nearest_class_mean(features, class_means) != predictions))


def _gram_distance(means: Float[np.ndarray, "K d"], target: Float[np.ndarray, "K K"]) -> float:
    gram = means @ means.T
    size = np.linalg.norm(gram)
    return float(np.linalg.norm(gram / size - target / np.linalg.norm(target))) if size > 0 else float("nan")
