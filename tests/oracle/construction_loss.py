"""Loss of a construction at any scales α, each layer's weights found by least squares on explicit class means."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from nccli.theory import Construction, Problem

Array = NDArray[np.float64]


def construction_loss(problem: Problem, construction: Construction, scales: Array) -> float:
    """Loss at scales[b, l−2] = α_l of block b, all weights at their best for these class means.

    The cost of (W_1, H_1) is min λ_{W_1}/2 ‖W_1‖² + λ_H/2 ‖M_1‖² over W_1 M_1 = Mt_2: sqrt(λ_{W_1} λ_H) ‖Mt_2‖_*.
    """
    pre = _pre_activations(construction, scales)
    post = [np.maximum(M, 0.0) for M in pre]
    loss = np.sqrt(problem.lambda_w[0] * problem.n * problem.lambda_h1) * np.linalg.norm(pre[0], "nuc")
    for decay, given, wanted in zip(problem.lambda_w[1:-1], post[:-1], pre[1:], strict=True):
        W = np.linalg.lstsq(given.T, wanted.T, rcond=1e-10)[0].T
        assert np.allclose(W @ given, wanted, rtol=0, atol=1e-10 * np.abs(wanted).max())
        loss += decay / 2 * np.sum(W**2)
    return float(loss + _ridge(post[-1], problem.lambda_w[-1]))


def _pre_activations(construction: Construction, scales: Array) -> list[Array]:
    pairs = [block.matrices() for block in construction.blocks]
    roots = np.sqrt(scales)
    middle = [block_diag(*(root * T for root, (T, _) in zip(column, pairs, strict=True))) for column in roots[:, :-1].T]
    return [*middle, block_diag(*(root * Tt_L for root, (_, Tt_L) in zip(roots[:, -1], pairs, strict=True)))]


def _ridge(M: Array, decay: float) -> float:
    """Return min over W of 1/(2K) ‖W M − I‖² + λ/2 ‖W‖², as one least-squares problem."""
    d, K = M.shape
    stacked = np.vstack([M.T / np.sqrt(K), np.sqrt(decay) * np.eye(d)])
    target = np.vstack([np.eye(K) / np.sqrt(K), np.zeros((d, K))])
    W = np.linalg.lstsq(stacked, target, rcond=None)[0]
    return float(np.sum((stacked @ W - target) ** 2) / 2)
