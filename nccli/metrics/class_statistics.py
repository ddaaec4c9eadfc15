"""What single-layer collapse metrics need of a layer's features, small enough to keep for any number of samples."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nccli.metrics.scatter import add_scatter, mirror

_ROWS = 2**19
"""A taste: numbers of a block of samples, 4 MiB in float64, which stay in the cache."""


@dataclass(frozen=True, eq=False)
class ClassStatistics:
    """Counts, means and within-class variability of one layer: of size K d, and d² with `within`, whatever N is.

    Attributes:
        counts: samples of each class, each at least one.
        means: (K, d), one class a row, not centred.
        within: (d, d), Σ_W = 1/N Σ_i (h_i − m_{y_i})(h_i − m_{y_i})ᵀ; None where it was not kept.
        spreads: mean squared distance of a class's samples to its mean, tr Σ_k.
        classes: the label of each row where some labels have no sample; None: 0..K−1.
    """

    counts: Int[np.ndarray, " K"]
    means: Float[np.ndarray, "K d"]
    within: Float[np.ndarray, "d d"] | None
    spreads: Float[np.ndarray, " K"]
    classes: Int[np.ndarray, " K"] | None = None

    @property
    def shares(self) -> Float[np.ndarray, " K"]:
        """N_k / N."""
        return np.asarray(self.counts / self.counts.sum())

    @property
    def global_mean(self) -> Float[np.ndarray, " d"]:
        """Mean of the class means, whatever their sizes: about that of all samples a simplex ETF is none."""
        return np.asarray(self.means[0] + (self.means - self.means[:1]).mean(axis=0))

    @property
    def centred_means(self) -> Float[np.ndarray, "K d"]:
        """Class means minus their mean."""
        shifted = self.means - self.means[:1]  # so that a common offset costs no digits, and equal means are zero
        return np.asarray(shifted - shifted.mean(axis=0))

    @property
    def feature_spectrum(self) -> Float[np.ndarray, " d"]:
        """Singular values of all samples minus their mean, over √N: roots of the eigenvalues of Σ_W + Σ_B.

        Raises:
            ValueError: `within` was not kept.
        """
        if self.within is None:
            raise ValueError("the spectrum of features needs the within-class covariance, which was not kept")
        shifted = self.means - self.means[:1]
        between = np.sqrt(self.shares)[:, None] * (shifted - self.shares @ shifted)
        return np.sqrt(np.maximum(np.linalg.eigvalsh(self.within + between.T @ between)[::-1], 0.0))

    @property
    def dnc1(self) -> float:
        """tr Σ_W / tr Σ_B, as `nccli.metrics.dnc1` of the features: classes count by their samples."""
        shifted = self.means - self.means[:1]
        centred = shifted - self.shares @ shifted
        between = float(np.sum(self.shares[:, None] * centred**2))
        within = float(self.shares @ self.spreads)
        if between == 0:
            return float("inf") if within > 0 else float("nan")
        return within / between


def class_statistics(
    features: Float[np.ndarray, "N d"], labels: Int[np.ndarray, " N"], K: int, within: bool = True
) -> ClassStatistics:
    """Statistics of features that are in memory all at once.

    Offsets are taken from the first sample of a class, so that neither a common offset nor distances between classes
    cost digits: what rounding leaves of Σ_W is at most (1 + N_k) ε of it.

    Args:
        features: one sample a row, of any float type; computed in float64, block by block.
        labels: class of each sample, 0..K−1.
        K: number of classes.
        within: whether to form Σ_W, d × d.

    Raises:
        ValueError: no sample of a class, a label outside 0..K−1, or features with nan or infinite entries.
    """
    if labels.size == 0 or labels.min() < 0 or labels.max() >= K:
        raise ValueError(f"labels must be integers 0..{K - 1}, at least one")
    counts = np.bincount(labels, minlength=K)
    if not counts.all():
        raise ValueError(f"class {int(np.argmin(counts))} has no sample: labels must be 0..{K - 1}, all used")
    N, d = features.shape
    order = np.argsort(labels, kind="stable")
    sorted_labels = labels[order]
    base = features[order[np.cumsum(counts) - counts]].astype(np.float64)
    sums, squares = np.zeros((K, d)), np.zeros(K)
    scatter = np.zeros((d, d)) if within else None
    rows = max(1, _ROWS // max(d, 1))
    for start in range(0, N, rows):
        y = sorted_labels[start : start + rows]
        offsets = np.subtract(features[order[start : start + rows]], base[y], dtype=np.float64)
        first = np.flatnonzero(np.diff(y, prepend=-1))
        sums[y[first]] += np.add.reduceat(offsets, first, axis=0)
        squares[y[first]] += np.add.reduceat(np.einsum("nd,nd->n", offsets, offsets), first)
        if scatter is not None:
            add_scatter(scatter, offsets)
    if not (np.isfinite(sums).all() and np.isfinite(squares).all()):
        raise ValueError("features have nan or infinite entries")
    if scatter is not None:
        add_scatter(scatter, sums / np.sqrt(counts)[:, None], -1.0)
        mirror(scatter)
        scatter /= N
    shifts = sums / counts[:, None]
    spreads = np.maximum(squares - counts * np.sum(shifts**2, axis=1), 0.0) / counts
    return ClassStatistics(counts, base + shifts, scatter, spreads)
