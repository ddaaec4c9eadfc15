"""The single-layer neural-collapse set NC1 to NC4 (Papyan, Han and Donoho 2020), from means, covariances and weights.

0 is full collapse in every one of them.
"""

import math

import numpy as np
from jaxtyping import Float, Int

from nccli.metrics.class_statistics import ClassStatistics
from nccli.metrics.pairs import gram_rows, pair_count, pair_distances, pair_products


def nc1_pinv(statistics: ClassStatistics) -> float:
    """tr(Σ_W Σ_B⁺)/K, Σ_B = 1/K Σ_k (m_k − m)(m_k − m)ᵀ with m the mean of the m_k (Papyan et al. 2020, NC1).

    Classes weigh equally in Σ_B, samples in Σ_W. Inverts the smallest between-class variance, so it blows up where
    class means have low rank; DNC1 does not. Σ_B has rank K − 1 at most, and what rounding makes of the others, of the
    size ε ‖uncentred means‖, is not inverted: an offset that all features share changes nothing.

    Returns:
        In [0, ∞); nan where the class means do not differ.

    Raises:
        ValueError: statistics without `within`.
    """
    if statistics.within is None:
        raise ValueError("nc1_pinv needs the within-class covariance, which was not kept")
    K, d = len(statistics.means), statistics.means.shape[1]
    _, s, axes = np.linalg.svd(statistics.centred_means / math.sqrt(K), full_matrices=False)
    rounding = max(K, d) * float(np.finfo(np.float64).eps * np.linalg.norm(statistics.means)) / math.sqrt(K)
    kept = (s > rounding) & (np.arange(len(s)) < K - 1)
    if not kept.any():
        return float("nan")
    V = axes[kept]
    along = np.sum((V @ statistics.within) * V, axis=1)
    return max(0.0, float(np.sum(along / s[kept] ** 2)) / K)


def cdnv(statistics: ClassStatistics) -> float:
    """Class-distance normalised variance, (V_a + V_b) / (2 ‖m_a − m_b‖²), mean over class pairs (Galanti et al. 2021).

    Returns:
        In [0, ∞]; ∞ where two classes that vary have the same mean; nan where neither varies, or for one class.
    """
    V, total = statistics.spreads, 0.0
    for a, b, apart in pair_distances(statistics.means):
        with np.errstate(divide="ignore", invalid="ignore"):
            total += float(np.sum((V[a] + V[b]) / (2 * apart)))
    return total / pair_count(len(V)) if len(V) > 1 else float("nan")


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
    return sum(float(np.abs(cosines + 1 / (K - 1)).sum()) for _, _, cosines in pair_products(unit)) / pair_count(K)


def etf_distance(centred_means: Float[np.ndarray, "K d"]) -> float:
    """‖G/‖G‖_F − E/‖E‖_F‖_F, G the Gram matrix of centred means, E = I − 11ᵀ/K that of a simplex ETF.

    Returns:
        In [0, √2]; nan where all means are zero, or there is one class.
    """
    return _gram_distance(centred_means, 1 / len(centred_means))


def frame_distance(class_means: Float[np.ndarray, "K d"]) -> float:
    """‖G/‖G‖_F − I/√K‖_F, G the Gram matrix of means that are not centred: the target of a model without biases.

    Returns:
        In [0, √2]; nan where all means are zero.
    """
    return _gram_distance(class_means, 0.0)


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


def _gram_distance(means: Float[np.ndarray, "K d"], common: float) -> float:
    """‖G/‖G‖_F − E/‖E‖_F‖_F with G the Gram matrix of the means and E = I − common 11ᵀ."""
    K = len(means)
    size = math.sqrt(sum(float(np.sum(rows**2)) for _, rows in gram_rows(means)))
    target = math.sqrt(K * (1 - common) ** 2 + K * (K - 1) * common**2)
    if not size > 0 or not target > 0:
        return float("nan")
    apart = 0.0
    for place, rows in gram_rows(means):
        difference = rows / size + common / target
        difference[np.arange(len(rows)), place] -= 1 / target
        apart += float(np.sum(difference**2))
    return math.sqrt(apart)
