"""Class statistics accumulated batch by batch in float64, never all features at once."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nccli.metrics import ClassStatistics


class StreamingStatistics:
    """Counts, means and within-class scatter of a layer so far (Chan, Golub and LeVeque 1983).

    Scatter is taken about the means, never as a difference of large sums, so that a collapsed layer's is exact too.
    """

    def __init__(self, K: int, d: int, device: torch.device | str = "cpu", scatter: bool = True) -> None:
        """Nothing seen so far.

        Args:
            K: classes.
            d: size of the features.
            device: where to accumulate.
            scatter: whether to keep the d × d matrix; without it NC1 by pseudo-inverse cannot be told.
        """
        self.K, self.d = K, d
        self._counts = torch.zeros(K, dtype=torch.float64, device=device)
        self._means = torch.zeros(K, d, dtype=torch.float64, device=device)
        self._squares = torch.zeros(K, dtype=torch.float64, device=device)
        self._scatter = torch.zeros(d, d, dtype=torch.float64, device=device) if scatter else None

    @torch.no_grad()
    def add(self, features: Float[Tensor, "B d"], labels: Int[Tensor, " B"]) -> None:
        """Take a batch in; features of any float type."""
        X = features.detach().to(self._means)
        member = torch.zeros(len(X), self.K, dtype=X.dtype, device=X.device)
        member.scatter_(1, labels.to(X.device)[:, None], 1.0)
        counts = member.sum(dim=0)
        base = X[:1]
        offsets = X - base
        shifts = (member.T @ offsets) / counts.clamp_min(1)[:, None]
        offsets -= shifts[labels.to(X.device)]
        scatter = offsets.T @ offsets if self._scatter is not None else None
        self._merge(counts, shifts + base, member.T @ offsets.square().sum(dim=1), scatter)

    def merge(self, other: "StreamingStatistics") -> None:
        """Take in what another has seen."""
        counts, means, squares, scatter = (None if t is None else t.to(self._means) for t in other.tensors())
        assert counts is not None
        assert means is not None
        assert squares is not None
        self._merge(counts, means, squares, scatter)

    @classmethod
    def of(cls, counts: Tensor, means: Tensor, squares: Tensor, scatter: Tensor | None) -> "StreamingStatistics":
        """The inverse of `tensors`."""
        made = cls(means.shape[0], means.shape[1], means.device, scatter is not None)
        made._counts, made._means, made._squares, made._scatter = counts, means, squares, scatter
        return made

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Counts, means, squares and scatter, for sending them elsewhere."""
        return self._counts, self._means, self._squares, self._scatter

    def _merge(self, counts: Tensor, means: Tensor, squares: Tensor, scatter: Tensor | None) -> None:
        total = (self._counts + counts).clamp_min(1)
        apart = torch.where((self._counts > 0)[:, None] & (counts > 0)[:, None], means - self._means, 0.0)
        weight = self._counts * counts / total
        self._squares += squares + weight * apart.square().sum(dim=1)
        if self._scatter is not None and scatter is not None:
            self._scatter += scatter + apart.T @ (weight[:, None] * apart)
        step = torch.where((self._counts > 0)[:, None], apart * (counts / total)[:, None], means)
        self._means = torch.where((counts > 0)[:, None], self._means + step, self._means)
        self._counts = self._counts + counts

    def result(self) -> ClassStatistics:
        """What there is, in numpy; without scatter the matrix is nan.

        Raises:
            ValueError: a class without a sample, or features that were not finite.
        """
        counts = self._counts.round().long().cpu().numpy()
        if not counts.all():
            raise ValueError(f"class {int(np.argmin(counts))} has no sample")
        means, squares = self._means.cpu().numpy(), self._squares.cpu().numpy()
        if not (np.isfinite(means).all() and np.isfinite(squares).all()):
            raise ValueError("features have nan or infinite entries")
        within = np.full((self.d, self.d), np.nan)
        if self._scatter is not None:
            within = self._scatter.cpu().numpy() / counts.sum()
        return ClassStatistics(counts, means, within, squares / counts)
