"""Many DUFMs of one shape at one point: what every way of taking steps starts from and comes back to.

Layout: features (runs, N, d) and weights (runs, in, out), so that the contiguous axis is the width. With X_l = H_lᵀ
and V_l = W_lᵀ the network is X_{l+1} = σ(X_l V_l), output X_L V_L.

The same layout holds a collapsed point by one row a class (theory sheet, section 1).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nccli.dufm.arrays import Array, double, library
from nccli.dufm.bias import with_biases
from nccli.dufm.class_rows import class_blocks, samples_behind
from nccli.dufm.config import DufmConfig
from nccli.dufm.initial import initial_point
from nccli.dufm.parameters import Parameters
from nccli.dufm.start import NOWHERE, Points, point_of

_INTERLEAVED = 4
"""A taste, that of PyTorch: stored runs were reduced with its sums."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Runs that agree in `DufmConfig.batch_key`, and where they are; weights may have a row more, `nccli.dufm.bias`.

    Attributes:
        configs: of the runs.
        parameters: where they are; NumPy arrays, or PyTorch tensors on any device.
        moments: what the optimiser remembers, `Optimizer.moments` times the same.
        reduced: whether a row of the features stands for all samples of a class.
    """

    configs: tuple[DufmConfig, ...]
    parameters: Parameters
    moments: tuple[Parameters, ...]
    reduced: bool = False

    @classmethod
    def start(cls, configs: Sequence[DufmConfig], points: Points = NOWHERE) -> "Batch":
        """At the runs' initial points, random ones or those that they name."""
        drawn = []
        for config in configs:
            features, *weights = initial_point(config, point_of(config, points))
            drawn.append((features, *with_biases(config, *weights)))
        parts = zip(zip(*drawn, strict=True), (0, 1, 0), strict=True)
        return cls.at(
            configs, Parameters(*(np.stack(part, axis=axis).astype(configs[0].dtype) for part, axis in parts))
        )

    @classmethod
    def at(cls, configs: Sequence[DufmConfig], parameters: Parameters, reduced: bool = False) -> "Batch":
        """At a point where the optimiser remembers nothing yet."""
        zeros = library(parameters.features).zeros_like
        moments = tuple(parameters.each(zeros) for _ in range(configs[0].way_down.moments))
        return cls(tuple(configs), parameters, moments, reduced)

    @classmethod
    def join(cls, batches: "Sequence[Batch]") -> "Batch":
        """All runs of several batches of one form in one."""
        moments = zip(*(batch.moments for batch in batches), strict=True)
        return cls(
            tuple(config for batch in batches for config in batch.configs),
            Parameters.join([batch.parameters for batch in batches]),
            tuple(Parameters.join(parts) for parts in moments),
            batches[0].reduced,
        )

    def each(self, change: Callable[[Array], Array]) -> "Batch":
        """The same function of every array."""
        return self._map(lambda p: p.each(change))

    def double(self) -> "Batch":
        """The same point in float64, as a copy: for evaluation free of rounding."""
        return self.each(double)

    def select(self, runs: Sequence[int]) -> "Batch":
        """Copies of some of the runs, in the given order."""
        chosen = self._map(lambda p: p.runs(runs))
        return Batch(tuple(self.configs[i] for i in runs), chosen.parameters, chosen.moments, self.reduced)

    def slice(self, part: slice) -> "Batch":
        """Runs that stand next to each other, as views."""
        seen = self._map(lambda p: p.slice(part))
        return Batch(self.configs[part], seen.parameters, seen.moments, self.reduced)

    def collapsed(self) -> "Batch":
        """The reduced form at the class means of the features, and of what the optimiser remembers of them."""
        first, xp = self.configs[0], library(self.parameters.features)
        copy, concatenate = xp.empty_like, xp.concatenate

        def means(p: Parameters) -> Parameters:
            hidden, last = copy(p.hidden), copy(p.last)
            hidden[...], last[...] = p.hidden, p.last
            found = [
                _sums(p.features[:, block.rows].reshape(-1, block.classes, block.each, first.width)) / block.each
                for block in class_blocks(first, self.rows)
            ]
            return Parameters(found[0] if len(found) == 1 else concatenate(found, axis=1), hidden, last)

        seen = self._map(means)
        return Batch(self.configs, seen.parameters, seen.moments, reduced=True)

    @property
    def rows(self) -> int:
        """Rows of the features."""
        return int(self.parameters.features.shape[1])

    @property
    def copies(self) -> int | Float[np.ndarray, "K 1"]:
        """Samples behind a row; a column of them where rows differ."""
        return samples_behind(self.configs[0]) if self.reduced else 1

    @property
    def divisor(self) -> int | Float[np.ndarray, "K 1"]:
        """N over the samples behind a row, by which a row counts in the fit; a column of them where rows differ."""
        return self.rows if isinstance(self.copies, int) else self.configs[0].N / self.copies

    @property
    def held(self) -> tuple[Parameters, ...]:
        """Parameters and moments."""
        return (self.parameters, *self.moments)

    def _map(self, change: Callable[[Parameters], Parameters]) -> "Batch":
        return Batch(self.configs, change(self.parameters), tuple(change(m) for m in self.moments), self.reduced)


def _sums(by_class: Float[Array, "runs K n d"]) -> Float[Array, "runs K d"]:
    """Sums over samples as four that are interleaved: a float32 then carries the rounding of n/4 terms."""
    runs, K, n, d = by_class.shape
    whole = n - n % _INTERLEAVED
    parts = by_class[:, :, :whole].reshape(runs, K, -1, _INTERLEAVED, d).sum(axis=2) if whole else by_class[:, :, :0]
    found = parts[:, :, 0] if whole else 0.0
    for i in range(whole, n):
        found = found + by_class[:, :, i]
    for k in range(1, parts.shape[2]):
        found = found + parts[:, :, k]
    return found
