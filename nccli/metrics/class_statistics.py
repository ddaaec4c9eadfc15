"""What single-layer collapse metrics need of a layer's features, small enough to keep for any number of samples."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, eq=False)
class ClassStatistics:
    """Counts, means and within-class scatter of one layer: sufficient for NC1 and NC2, and of size d² whatever N is.

    Attributes:
        counts: samples of each class, each at least one.
        means: (K, d), one class a row, not centred.
        within: (d, d), Σ_W = 1/N Σ_i (h_i − m_{y_i})(h_i − m_{y_i})ᵀ.
        spreads: mean squared distance of a class's samples to its mean, tr Σ_k.
    """

    counts: Int[np.ndarray, " K"]
    means: Float[np.ndarray, "K d"]
    within: Float[np.ndarray, "d d"]
    spreads: Float[np.ndarray, " K"]

    @property
    def shares(self) -> Float[np.ndarray, " K"]:
        """N_k / N."""
        return np.asarray(self.counts / self.counts.sum())

    @property
    def global_mean(self) -> Float[np.ndarray, " d"]:
        """Mean of all samples."""
        return np.asarray(self.shares @ self.means)

    @property
    def centred_means(self) -> Float[np.ndarray, "K d"]:
        """Class means minus the global mean."""
        return np.asarray(self.means - self.global_mean)

    @property
    def dnc1(self) -> float:
        """tr Σ_W / tr Σ_B, as `nccli.metrics.dnc1` of the features."""
        shifted = self.means - self.means[:1]  # so that means that do not differ are exactly so
        centred = shifted - self.shares @ shifted
        between = float(np.sum(self.shares[:, None] * centred**2))
        within = float(self.shares @ self.spreads)
        if between == 0:
            return float("inf") if within > 0 else float("nan")
        return within / between


def class_statistics(features: Float[np.ndarray, "N d"], labels: Int[np.ndarray, " N"], K: int) -> ClassStatistics:
    """Statistics of features that are in memory all at once.

    Args:
        features: one sample a row, of any float type; computed in float64.
        labels: class of each sample, 0..K−1.
        K: number of classes.

    Raises:
        ValueError: no sample of a class, a label outside 0..K−1, or features with nan or infinite entries.
    """
    if labels.size == 0 or labels.min() < 0 or labels.max() >= K:
        raise ValueError(f"labels must be integers 0..{K - 1}, at least one")
    counts = np.bincount(labels, minlength=K)
    if not counts.all():
        raise ValueError(f"class {int(np.argmin(counts))} has no sample: labels must be 0..{K - 1}, all used")
    X = np.asarray(features, dtype=np.float64)
    if not np.isfinite(X).all():
        raise ValueError("features have nan or infinite entries")
    base = X[0].copy()
    X = X - base
    means = np.zeros((K, X.shape[1]))
    np.add.at(means, labels, X)
    means /= counts[:, None]
    offsets = X - means[labels]
    squares = np.bincount(labels, weights=np.sum(offsets**2, axis=1), minlength=K)
    return ClassStatistics(counts, means + base, offsets.T @ offsets / labels.size, squares / counts)
