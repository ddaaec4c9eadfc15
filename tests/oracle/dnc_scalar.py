"""DNC as a problem in one number y, the diagonal of the output (theory sheet section 2)."""

import math
from collections.abc import Callable

import numpy as np

from nccli.theory import Problem


def dnc_loss(problem: Problem) -> float:
    """Return min_y ½ (1−y)² + K (L+1)/2 (Λ y²)^{1/(L+1)} over ever finer grids of y in [0, 1]."""
    K, L = problem.K, problem.L
    root = math.exp((math.log(problem.n * problem.lambda_h1) + sum(map(math.log, problem.lambda_w))) / (L + 1))

    def loss(y: np.ndarray) -> np.ndarray:
        return (1 - y) ** 2 / 2 + K * (L + 1) / 2 * root * y ** (2 / (L + 1))

    return least_on_grids(loss, 0.5)


def least_on_grids(loss: Callable[[np.ndarray], np.ndarray], at_zero: float) -> float:
    """The least value over ever finer grids in (0, 1], or that at 0 where it is lower."""
    low, high, best = 0.0, 1.0, at_zero
    for _ in range(12):
        y = np.linspace(low, high, 2001)
        values = loss(y)
        inner = 1 + int(np.argmin(values[1:]))
        best = min(best, float(values[inner]))
        low, high = float(y[inner - 1]), float(y[min(inner + 1, 2000)])
    return best


def dnc_threshold(K: int, L: int) -> float:
    """Return the weight decay, one for all matrices and n = 1, above which zero beats DNC.

    DNC is below 1/2 where K(L+1) λ < (2−y) y^{1−q} for some y, q = 2/(L+1); the right side is largest at
    y = 2(1−q)/(2−q).
    """
    q = 2 / (L + 1)
    y = 2 * (1 - q) / (2 - q)
    return float((2 - y) * y ** (1 - q) / (K * (L + 1)))
