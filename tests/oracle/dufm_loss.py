"""The L-DUFM of theory sheet section 1, written out sample by sample."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nccli.theory import Problem

Array = NDArray[np.float64]


def forward(weights: Sequence[Array], features: Array) -> list[tuple[int, str, Array]]:
    """(layer, stage, features) of every layer and stage: H_1, then Ht_l and H_l for l = 2..L."""
    hidden = features
    stages = [(1, "post", hidden)]
    for layer, W in enumerate(weights[:-1], start=2):
        before = np.einsum("ij,jk->ik", W, hidden)
        hidden = np.where(before > 0, before, 0.0)
        stages += [(layer, "pre", before), (layer, "post", hidden)]
    return stages


def dufm_loss(problem: Problem, weights: Sequence[Array], features: Array) -> tuple[float, float]:
    """(fit, reg) as two sums over samples and over entries."""
    N = problem.n * problem.K
    output = np.einsum("ij,jk->ik", weights[-1], forward(weights, features)[-1][2])
    fit = 0.0
    for sample in range(N):
        for row in range(problem.K):
            target = 1.0 if sample // problem.n == row else 0.0
            fit += (output[row, sample] - target) ** 2 / (2 * N)
    reg = problem.lambda_h1 / 2 * np.einsum("ij,ij->", features, features)
    for decay, W in zip(problem.lambda_w, weights, strict=True):
        reg += decay / 2 * np.einsum("ij,ij->", W, W)
    return fit, float(reg)
