"""Class statistics accumulated batch by batch in float64, never all features at once."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nccli.metrics import ClassStatistics
from nccli.metrics.scatter import add_scatter, mirror

_FLOAT64 = 8
_BLOCK = 2**19
"""A taste: numbers that are worked on at once, 4 MiB in float64, which stay in the cache."""

_MOST_ROWS = 1024
"""A taste: samples of a block whose columns are taken in turn."""

_WORKING = 3
"""Blocks at once: offsets, what they are taken from, one being made."""


def statistics_bytes(d: int, K: int, within: bool, itemsize: int = 4) -> int:
    """Memory that `StreamingStatistics` takes at most, batches themselves aside.

    Args:
        d: size of the features.
        K: classes.
        within: whether the d × d matrix is kept.
        itemsize: bytes of a number of the features.
    """
    block = max(_BLOCK, d) if within else _BLOCK
    return (_FLOAT64 + itemsize) * K * d + _FLOAT64 * (d * d if within else 0) + _FLOAT64 * _WORKING * block


class StreamingStatistics:
    """Counts, means and within-class scatter of a layer so far.

    Sums and scatter of a class are about one of its own samples, the first, and moved to the mean at the end. However
    far classes are from the origin and from each other, what rounding leaves of a scatter is at most (1 + N_k) ε of it,
    for ‖first − mean‖² ≤ N_k V_k; a collapsed layer's is exact. A batch costs what its own samples cost, whatever K is.
    """

    def __init__(self, K: int, d: int, device: torch.device | str = "cpu", within: bool = True) -> None:
        """Nothing seen so far.

        Args:
            K: classes.
            d: size of the features.
            device: where to accumulate.
            within: whether to keep the d × d matrix, which `nc1_pinv` and the spectrum of features need.
        """
        self.K, self.d = K, d
        self._counts = torch.zeros(K, dtype=torch.float64, device=device)
        self._base = torch.zeros(0, d, dtype=torch.float16, device=device)
        self._sums = torch.zeros(K, d, dtype=torch.float64, device=device)
        self._squares = torch.zeros(K, dtype=torch.float64, device=device)
        self._scatter = torch.zeros(d, d, dtype=torch.float64, device=device) if within else None
        self._open = True  # whether a class may still come for the first time

    @torch.no_grad()
    def add(self, features: Float[Tensor, "B d"], labels: Int[Tensor, " B"]) -> None:
        """Take a batch in; features of any float type."""
        X, y = features.detach().to(self._sums.device), labels.to(self._sums.device).long()
        if not len(y):
            return
        if self._open:
            self._begin(X, y)
        rows = max(1, min(_MOST_ROWS, _BLOCK // self.d) if self._scatter is not None else _MOST_ROWS)
        for start in range(0, len(y), rows):
            self._add_rows(X[start : start + rows], y[start : start + rows])

    def _begin(self, X: Float[Tensor, "B d"], y: Int[Tensor, " B"]) -> None:
        """Choose bases of classes that come for the first time; those of the others stay."""
        dtype = X.dtype if not len(self._base) else torch.promote_types(X.dtype, self._base.dtype)
        if not len(self._base):
            self._base = torch.zeros(self.K, self.d, dtype=dtype, device=X.device)
        self._base = self._base.to(dtype)
        place = torch.arange(len(y), device=y.device)
        first = torch.full((self.K,), len(y), device=y.device).scatter_reduce_(0, y, place, "amin")
        fresh = ((first < len(y)) & (self._counts == 0)).nonzero()[:, 0]
        self._base[fresh] = X[first[fresh]].to(dtype)
        self._open = bool(((self._counts == 0) & (first == len(y))).any())

    def _add_rows(self, X: Float[Tensor, "B d"], y: Int[Tensor, " B"]) -> None:
        """A block of samples, in columns where the scatter does not need all of them at once."""
        squares = torch.zeros(len(y), dtype=torch.float64, device=y.device)
        width = self.d if self._scatter is not None else max(1, _BLOCK // len(y))
        for left in range(0, self.d, width):
            columns = slice(left, left + width)
            offsets = X[:, columns].double() - self._base[:, columns].index_select(0, y)
            self._sums[:, columns].index_add_(0, y, offsets)
            squares += torch.linalg.vector_norm(offsets, dim=1).square()
            if self._scatter is not None:
                _add_scatter(self._scatter, offsets)
        self._squares.index_add_(0, y, squares)
        self._counts.index_add_(0, y, torch.ones_like(squares))

    @torch.no_grad()
    def merge(self, other: "StreamingStatistics") -> None:
        """Take in what another has seen."""
        counts, means, squares, scatter = (None if t is None else t.to(self._sums) for t in other.tensors())
        assert counts is not None
        assert means is not None
        assert squares is not None
        seen = counts.nonzero()[:, 0]
        if self._open:
            self._begin(means[seen], seen)
        apart = means[seen] - self._base[seen]
        self._counts += counts
        self._sums[seen] += counts[seen, None] * apart
        self._squares[seen] += squares[seen] + counts[seen] * apart.square().sum(dim=1)
        if self._scatter is not None and scatter is not None:
            self._scatter += scatter
            _add_scatter(self._scatter, counts[seen, None].sqrt() * apart)

    @classmethod
    def of(cls, counts: Tensor, means: Tensor, squares: Tensor, scatter: Tensor | None) -> "StreamingStatistics":
        """The inverse of `tensors`."""
        made = cls(means.shape[0], means.shape[1], means.device, scatter is not None)
        made._counts, made._base, made._squares, made._scatter = counts, means, squares, scatter
        made._open = bool((counts == 0).any())
        return made

    @torch.no_grad()
    def tensors(self, release: bool = False) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Counts, means, squares and scatter about the means, for sending them elsewhere; of absent classes zero.

        Args:
            release: whether the scatter is handed over instead of copied; nothing can be added afterwards.
        """
        seen = self._counts.clamp_min(1)
        shifts = self._sums / seen[:, None]
        squares = (self._squares - self._counts * shifts.square().sum(dim=1)).clamp_min(0)
        scatter = None
        if self._scatter is not None:
            scatter = self._scatter if release else self._scatter.clone()
            _add_scatter(scatter, self._sums / seen.sqrt()[:, None], -1.0)
            _mirror(scatter)
        if release:
            self._scatter = None
        return self._counts, shifts + (self._base if len(self._base) else 0.0), squares, scatter

    def result(self, absent: bool = False, release: bool = False) -> ClassStatistics:
        """What there is, in numpy.

        Args:
            absent: whether classes may lack samples; the statistics are then those of the others, by `classes`.
            release: whether the d × d matrix is handed over instead of copied; nothing can be added afterwards.

        Raises:
            ValueError: a class without a sample, no sample at all, or features that were not finite.
        """
        counts, means, squares, scatter = (None if t is None else t.cpu().numpy() for t in self.tensors(release))
        assert counts is not None
        assert means is not None
        assert squares is not None
        counts = np.rint(counts).astype(np.int64)
        classes = None
        if not counts.all():
            if not absent or not counts.any():
                raise ValueError(f"class {int(np.argmin(counts))} has no sample")
            classes = np.flatnonzero(counts)
            counts, means, squares = counts[classes], means[classes], squares[classes]
        if not (np.isfinite(means).all() and np.isfinite(squares).all()):
            raise ValueError("features have nan or infinite entries")
        if scatter is not None:
            scatter /= counts.sum()
        return ClassStatistics(counts, means, scatter, squares / counts, classes)


def _add_scatter(total: Float[Tensor, "d d"], rows: Float[Tensor, "B d"], sign: float = 1.0) -> None:
    """As `nccli.metrics.scatter.add_scatter`; a GPU forms the whole matrix, which costs it less than halves."""
    if total.device.type == "cpu":
        add_scatter(total.numpy(), rows.numpy(), sign)
    else:
        total.addmm_(rows.T, rows, alpha=sign)


def _mirror(total: Float[Tensor, "d d"]) -> None:
    if total.device.type == "cpu":
        mirror(total.numpy())
