"""The optimum of a deep linear network with classes of unequal sizes, one number y_k a class, by grids."""

import math

import numpy as np

from nccli.theory import Problem
from tests.oracle.dnc_scalar import least_on_grids


def class_losses(problem: Problem) -> list[float]:
    """min{ n_k/(2N), min_y n_k/(2N) (1−y)² + (L+1)/2 (Λ n_k y²)^{1/(L+1)} } over ever finer grids of y in (0, 1]."""
    sizes = problem.class_sizes.tolist()
    return [_least(n, sum(sizes), problem) for n in sizes]


def _least(n: int, N: int, problem: Problem) -> float:
    L = problem.L
    cost = problem.lambda_h1 * n * math.prod(problem.lambda_w)

    def loss(y: np.ndarray) -> np.ndarray:
        return n / (2 * N) * (1 - y) ** 2 + (L + 1) / 2 * (cost * y**2) ** (1 / (L + 1))

    return least_on_grids(loss, n / (2 * N))
