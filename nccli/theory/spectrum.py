"""A spectrum as distinct values with multiplicities, so that K = 10⁴ costs no more than K = 10."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

_MERGE_RTOL = 1e-11
_ZERO_RTOL = 1e-11
"""Bounds: LAPACK's singular values are off by some K eps of the largest, 2e-12 at K = 10⁴, and distinct ones of graphs
lie farther apart."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Non-negative numbers with multiplicities: singular values, or eigenvalues of a Gram matrix.

    Attributes:
        values: distinct values, largest first.
        multiplicities: how often each occurs; together the number of classes.
    """

    values: Float[np.ndarray, " m"]
    multiplicities: Int[np.ndarray, " m"]

    @classmethod
    def of(cls, *pairs: tuple[float, int]) -> "Spectrum":
        """Build from (value, multiplicity) pairs in any order; pairs of multiplicity 0 drop out."""
        kept = sorted((pair for pair in pairs if pair[1] > 0), reverse=True)
        return cls(np.array([v for v, _ in kept], dtype=float), np.array([m for _, m in kept], dtype=np.int64))

    @classmethod
    def from_values(cls, values: Float[np.ndarray, " k"], total: int) -> "Spectrum":
        """Build from computed values, padded with zeros to `total`; values equal up to rounding are merged."""
        return cls.merged([(value, 1) for value in np.asarray(values, dtype=float).tolist()], total)

    @classmethod
    def merged(cls, pairs: Sequence[tuple[float, int]], total: int) -> "Spectrum":
        """As `from_values`, of computed values with their multiplicities."""
        ordered = sorted(((value, count) for value, count in pairs if count > 0), reverse=True)
        top = ordered[0][0] if ordered else 0.0
        kept: list[tuple[float, int]] = []
        for value, count in ordered:
            if value <= _ZERO_RTOL * top:
                break
            if kept and kept[-1][0] - value <= _MERGE_RTOL * top:
                kept[-1] = (kept[-1][0], kept[-1][1] + count)
            else:
                kept.append((value, count))
        return cls.of(*kept, (0.0, total - sum(count for _, count in kept)))

    @property
    def rank(self) -> int:
        """How many values are not zero."""
        return int(self.multiplicities[self.values > 0].sum())

    @property
    def total(self) -> float:
        """Sum of all values; the nuclear norm when these are singular values."""
        return float(self.values @ self.multiplicities)

    def expand(self) -> Float[np.ndarray, " k"]:
        """All values one by one, largest first."""
        return np.repeat(self.values, self.multiplicities)
