"""Fewer units with the same function: drop, merge, recombine."""

from collections.abc import Sequence

import numpy as np

from nccli.dufm.refined.network import Matrix, relu
from nccli.dufm.refined.problem import RefinedProblem

_NULL = 1e-5
"""A taste: relative singular value below which a change of unit weights keeps all sums; what it changes is descended
from again."""


def slim(
    problem: RefinedProblem, features: Matrix, weights: Sequence[Matrix], small: float, close: float
) -> list[Matrix]:
    """Drop units below `small` of the layer's largest, and merge those closer than `close` in direction.

    Units h_i = c_i ĥ of one direction become one with c² = Σ c_i²: the same output, and by weight decay no more cost.
    Units of a linear layer are exchanged for as many as its rank.

    Args:
        problem: which layers have a ReLU.
        features: units × K.
        weights: W_1..W_L, (out × in).
        small: share of the largest norm of a unit's output.
        close: distance of unit outputs of norm one.

    Returns:
        W_1..W_L for fewer units.
    """
    weights, h = list(weights), features
    for layer in range(problem.L - 1):
        Z = weights[layer] @ h
        if not problem.has_relu[layer]:
            Q, s, _ = np.linalg.svd(Z, full_matrices=False)
            shares = Q[:, s > 1e-4 * s[0]]
        else:
            shares = _shares(relu(Z), small, close)
        weights[layer], weights[layer + 1] = shares.T @ weights[layer], weights[layer + 1] @ shares
        Z = weights[layer] @ h
        h = relu(Z) if problem.has_relu[layer] else Z
    return weights


def _shares(H: Matrix, small: float, close: float) -> Matrix:
    """Of the units that stay (columns), what those that there are (rows) add to each."""
    norm = np.linalg.norm(H, axis=1)
    live = np.flatnonzero(norm > small * norm.max())
    live = live[np.argsort(-norm[live], kind="stable")]
    directions, left, groups = H[live] / norm[live, None], np.ones(len(live), bool), []
    while left.any():
        group = left & (np.linalg.norm(directions - directions[np.argmax(left)], axis=1) < close)
        groups.append(live[group])
        left &= ~group
    shares = np.zeros((len(norm), len(groups)))
    for k, group in enumerate(groups):
        shares[group, k] = norm[group] / np.linalg.norm(norm[group])
    return shares


def recombine(problem: RefinedProblem, features: Matrix, weights: Sequence[Matrix]) -> list[Matrix]:
    """Carathéodory: give units other weights c_i² ≥ 0, some of them zero, that keep all sums a layer is felt through.

    These are Σ ĥĥᵀ c², Σ oĥᵀ c² and Σ ooᵀ c² (ĥ the unit's output, o its outgoing weights): loss and stationarity of
    all other units depend on nothing else. Each null vector of the map from c² to these sums removes a unit.
    """
    weights, h = list(weights), features
    upper = np.triu_indices(features.shape[1])
    for layer in range(problem.L - 1):
        Z = weights[layer] @ h
        if not problem.has_relu[layer]:
            h = Z
            continue
        H = relu(Z)
        norm = np.linalg.norm(H, axis=1)
        unit, out = H / norm[:, None], (weights[layer + 1] / norm).T
        tri = np.triu_indices(out.shape[1])
        sums = np.array(
            [
                [*np.outer(a, a)[upper], *np.outer(b, a).ravel(), *(np.outer(b, b)[tri] / 10)]
                for a, b in zip(unit, out, strict=True)
            ]
        ).T
        share, on = norm**2, np.arange(len(norm))
        while len(on) > 1:
            _, s, rows = np.linalg.svd(sums[:, on], full_matrices=False)
            if s[-1] > _NULL * s[0]:
                break
            v = rows[-1] * np.sign(rows[-1][np.argmax(np.abs(rows[-1]) / share[on])])
            share[on] -= v * (share[on] / np.abs(v).clip(1e-300))[v > 0].min()
            on = on[share[on] > 1e-10 * share.max()]
        factor = np.sqrt(share[on].clip(0)) / norm[on]
        weights[layer], weights[layer + 1] = weights[layer][on] * factor[:, None], weights[layer + 1][:, on] * factor
        h = relu(weights[layer] @ h)
    return weights
