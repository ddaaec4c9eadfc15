"""NC1 to NC4 by explicit loops and explicit matrices: slow, dense, obvious."""

import numpy as np

from tests.oracle.collapse_metrics import class_means, covariances


def nc1_pinv(X: np.ndarray, y: np.ndarray) -> float:
    """tr(Σ_W Σ_B⁺)/K with numpy's pseudo-inverse, classes of equal weight in Σ_B; features near the origin."""
    within, _ = covariances(X, y)
    means = class_means(X, y)
    K = len(means)
    between = sum(np.outer(m - means.mean(axis=0), m - means.mean(axis=0)) for m in means) / K
    return float(np.trace(within @ np.linalg.pinv(between, rcond=1e-10, hermitian=True))) / K


def cdnv(X: np.ndarray, y: np.ndarray) -> float:
    """Over pairs of classes."""
    K = int(y.max()) + 1
    groups = [X[y == k] for k in range(K)]
    variance = [np.mean([np.sum((x - g.mean(axis=0)) ** 2) for x in g]) for g in groups]
    found = [
        (variance[a] + variance[b]) / (2 * np.sum((groups[a].mean(axis=0) - groups[b].mean(axis=0)) ** 2))
        for a in range(K)
        for b in range(a)
    ]
    return float(np.mean(found))
