"""The power law in the tail of a weight matrix's spectrum."""

import numpy as np
from jaxtyping import Float

_LEAST = 50
"""Eigenvalues below which there is no tail to speak of: a taste."""

_ROUNDING = 1e-12
"""A bound: eigenvalues below this share of the largest are rounding, in float64."""


def power_law_exponent(singular_values: Float[np.ndarray, " r"]) -> float:
    """α of p(λ) ∝ λ^−α, λ ≥ λ_min, for the eigenvalues λ = s² of WᵀW (Martin and Mahoney 2021).

    Maximum likelihood for continuous values, α = 1 + n/Σ log(λ_i/λ_min) over the n values from λ_min on, with the λ_min
    whose law is nearest to them by Kolmogorov and Smirnov's distance (Clauset, Shalizi and Newman 2009, section 3). A
    test holds it to 1e-9 of package `powerlaw` 2.0, whose own default admits no α above 3 and takes 0.5 s for it.

    Args:
        singular_values: of the weights, in any order.

    Returns:
        In (1, ∞), about 2 to 6 for trained networks; nan for less than 50 eigenvalues that are not zero.
    """
    squares = np.sort(np.asarray(singular_values, dtype=np.float64) ** 2)
    values = squares[squares > _ROUNDING * squares.max(initial=0.0)]
    if len(values) < _LEAST:
        return float("nan")
    logs = np.log(values)
    n = np.arange(len(values), 0, -1)
    excess = np.cumsum(logs[::-1])[::-1] - n * logs
    best, found = np.inf, float("nan")
    for first in np.flatnonzero(np.diff(logs, append=logs[-1]) > 0):
        alpha = 1 + n[first] / excess[first]
        law = -np.expm1((1 - alpha) * (logs[first:] - logs[first]))
        apart = float(np.abs(law - np.arange(n[first]) / n[first]).max())
        if apart < best:
            best, found = apart, float(alpha)
    return found
