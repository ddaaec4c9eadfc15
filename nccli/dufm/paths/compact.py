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
"""A bound: rounding of a sum of squares."""

_DEAD = 1e-9
"""A bound: share of the largest unit below which a unit adds less to the loss than rounding."""


def balanced(config: DufmConfig, point: StartPoint) -> StartPoint:
    """The copy with the least regularisation among those of the same output.

    Units with ReLU get incoming and outgoing weights of equal cost. W_1 and M_1 share the singular values of their
    product so that they cost √(λ_{W_1} λ_{H_1}) ‖W_1 M_1‖_* (n λ_{H_1} with n samples a class), and so do the weights
    around a layer without ReLU. The loss falls all the way there along a path of constant output.

    Args:
        config: of one sample a class.
        point: of its width.
    """
    wd, parts, before = (config.wd_h1, *config.wd_layers), [point.means, *point.weights], np.inf
    for _ in range(_SWEEPS):
        for layer in range(1, config.L + 1):
            pair = parts[layer - 1], parts[layer]
            if layer == 1 or rotates(config, layer):
                parts[layer - 1 : layer + 1] = _mixed(wd[layer - 1], wd[layer], *pair)
            elif has_kink(config, layer):
                parts[layer - 1 : layer + 1] = _scaled(wd[layer - 1], wd[layer], *pair)
        cost = float(sum(decay * (part**2).sum() for decay, part in zip(wd, parts, strict=True)))
        if cost >= before * (1 - _STILL):
            break
        before = cost
    return StartPoint(parts[0], tuple(parts[1:]))


def _mixed(inner: float, outer: float, inwards: Matrix, outwards: Matrix) -> tuple[Matrix, Matrix]:
    """Factors of the same product whose costs are equal, the first near where it was."""
    U, s, Vt = np.linalg.svd(outwards @ inwards, full_matrices=False)
    root, share = np.sqrt(s), (inner / outer) ** 0.25
    turn, _, rest = np.linalg.svd((inwards @ Vt.T) * root, full_matrices=False)
    Q = turn @ rest
    return (Q * (root / share)) @ Vt, (U * (root * share)) @ Q.T


def _scaled(inner: float, outer: float, inwards: Matrix, outwards: Matrix) -> tuple[Matrix, Matrix]:
    """Incoming and outgoing weights of equal cost, unit by unit; zero where one of them is."""
    costs = inner * (inwards**2).sum(axis=1), outer * (outwards**2).sum(axis=0)
    alive = (costs[0] > 0) & (costs[1] > 0)
    factor = np.divide(costs[1], costs[0], out=np.zeros_like(costs[0]), where=alive) ** 0.25
    inverse = np.divide(1.0, factor, out=np.zeros_like(factor), where=alive)
    return inwards * factor[:, None], outwards * inverse


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
