"""A point without what no loss needs: equal shares for the layers, and no dead units."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from nccli.dufm.activation import has_kink
from nccli.dufm.config import DufmConfig
from nccli.dufm.paths.alignment import rotates
from nccli.dufm.start import StartPoint

Matrix = Float[np.ndarray, "_ _"]

_SWEEPS = 200
"""A bound that ends of descent do not come near: each sweep lowers the regularisation."""

_STILL = 1e-14
"""A bound: rounding of a factor near 1."""

_DEAD = 1e-9
"""A bound: share of the largest unit below which a unit adds less to the loss than rounding."""


def balanced(config: DufmConfig, point: StartPoint) -> StartPoint:
    """The copy with the least regularisation among those of the same output.

    Units of positively homogeneous layers get incoming and outgoing weights of equal cost, W_1 and M_1 the shares of
    their product's singular values that make their cost √(λ_{W_1} λ_{H_1}) ‖W_1 M_1‖_* (n λ_{H_1} with n samples a
    class). The loss falls all the way there along a path of constant output.

    Args:
        config: of one sample a class.
        point: of its width.
    """
    wd, weights, means = (config.wd_h1, *config.wd_layers), [W.copy() for W in point.weights], point.means
    scaled = [layer for layer in range(2, config.L + 1) if has_kink(config, layer) or rotates(config, layer)]
    for _ in range(_SWEEPS):
        means, weights[0] = _shared(wd[0], wd[1], means, weights[0])
        most = 0.0
        for layer in scaled:
            inwards, outwards = weights[layer - 2], weights[layer - 1]
            costs = wd[layer - 1] * (inwards**2).sum(axis=1), wd[layer] * (outwards**2).sum(axis=0)
            alive = (costs[0] > 0) & (costs[1] > 0)
            factor = np.divide(costs[1], costs[0], out=np.zeros_like(costs[0]), where=alive) ** 0.25
            inverse = np.divide(1.0, factor, out=np.zeros_like(factor), where=alive)
            weights[layer - 2], weights[layer - 1] = inwards * factor[:, None], outwards * inverse
            most = max(most, float(np.abs(factor[alive] - 1).max(initial=0.0)))
        if most <= _STILL:
            break
    return StartPoint(means, tuple(weights))


def _shared(wd_h1: float, wd_1: float, means: Matrix, W_1: Matrix) -> tuple[Matrix, Matrix]:
    """M_1 and W_1 of equal cost with the same product, M_1 near where it was."""
    U, s, Vt = np.linalg.svd(W_1 @ means, full_matrices=False)
    root = np.sqrt(s)
    turn, _, rest = np.linalg.svd((means @ Vt.T) * root, full_matrices=False)
    Q, share = turn @ rest, (wd_h1 / wd_1) ** 0.25
    return (Q * (root / share)) @ Vt, (U * (root * share)) @ Q.T


def compact(config: DufmConfig, point: StartPoint) -> StartPoint:
    """The same point in the least width: no dead units, the largest first, layer 1 turned to its own directions.

    Args:
        config: of one sample a class.
        point: balanced.
    """
    U, s, _ = np.linalg.svd(point.means)
    weights = [point.weights[0] @ U, *point.weights[1:]]
    means, least = U.T @ point.means, int((s > _DEAD * s[0]).sum())
    for layer in range(2, config.L + 1):
        size = np.linalg.norm(weights[layer - 2], axis=1) + np.linalg.norm(weights[layer - 1], axis=0)
        order = np.argsort(-size, kind="stable")
        weights[layer - 2], weights[layer - 1] = weights[layer - 2][order], weights[layer - 1][:, order]
        least = max(least, int((size > _DEAD * size.max()).sum()))
    return resized(StartPoint(means, tuple(weights)), max(least, 1))


def resized(point: StartPoint, width: int) -> StartPoint:
    """With dead units added, or the last ones left out."""
    d, K = point.means.shape
    kept = min(d, width)
    means = np.zeros((width, K))
    means[:kept] = point.means[:kept]
    hidden = [np.zeros((width, width)) for _ in point.weights[:-1]]
    for whole, W in zip(hidden, point.weights[:-1], strict=True):
        whole[:kept, :kept] = W[:kept, :kept]
    last = np.zeros((K, width))
    last[:, :kept] = point.weights[-1][:, :kept]
    return replace(point, means=means, weights=(*hidden, last))
