"""The metrics of theory sheet section 3, written with loops and explicit covariance matrices."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def class_means(features: Array, labels: Labels) -> Array:
    """Mean of the samples of each class, one class a row."""
    means = np.zeros((max(labels) + 1, features.shape[1]))
    for k in range(len(means)):
        members = [features[i] for i in range(len(labels)) if labels[i] == k]
        for member in members:
            means[k] += member / len(members)
    return means


def covariances(features: Array, labels: Labels) -> tuple[Array, Array]:
    """(Σ_W, Σ_B), both d × d and with weight 1/N a sample."""
    N, d = features.shape
    means, overall = class_means(features, labels), sum(features) / N
    within, between = np.zeros((d, d)), np.zeros((d, d))
    for x, k in zip(features, labels, strict=True):
        within += np.outer(x - means[k], x - means[k]) / N
        between += np.outer(means[k] - overall, means[k] - overall) / N
    return within, between


def dnc1(features: Array, labels: Labels) -> float:
    """tr(Σ_W)/tr(Σ_B)."""
    within, between = covariances(features, labels)
    return float(np.trace(within) / np.trace(between))


def dnc2(means: Array) -> float:
    """Root of the ratio of the extreme eigenvalues of the K × K Gram matrix."""
    eigenvalues = np.linalg.eigvalsh(means @ means.T)
    return float(np.sqrt(eigenvalues[-1] / eigenvalues[0]))


def dnc3(weights: Array, means: Array) -> float:
    """Weighted mean over rows of the distance to the nearest class-mean direction."""
    total = weight = 0.0
    for w in weights:
        if not np.any(w):
            continue
        cosines = [abs(w @ m) / (math.hypot(*w) * math.hypot(*m)) for m in means if np.any(m)]
        total += (w @ w) * (1 - max(cosines))
        weight += w @ w
    return float(total / weight)


def gram_singular_values(matrix: Array) -> Array:
    """Roots of the eigenvalues of the smaller Gram matrix, largest first."""
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    return np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0))[::-1]


def effective_rank(spectrum: Array) -> float:
    """exp of the entropy, term by term; 0 where the spectrum is zero."""
    total = sum(spectrum)
    if total == 0:
        return 0.0
    return math.exp(-sum(s / total * math.log(s / total) for s in spectrum if s > 0))


def numerical_rank(spectrum: Array, rtol: float, floor: float) -> int:
    """Count of the singular values above both tolerances."""
    return sum(1 for s in spectrum if s > rtol * max(spectrum) and s > floor)
