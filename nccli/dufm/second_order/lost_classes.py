"""What classes that a point has given up could do: whether the loss falls when they begin to be told apart.

For a class whose features and whose row of W_L are zero, features v and a row u change the loss, to second order, by

    λ_{H_1}/2 ‖v‖² + uᵀ(λ_L + H_L H_Lᵀ/K)u/2 − uᵀg(v)/K + ‖W_L g(v)‖²/(2K),     g(v) = H_L for features v.
"""

import numpy as np

from nccli.dufm.second_order.point import ActivePoint, Matrix, Stack, Vector

_STARTS, _STEPS = 2000, 20
"""Tastes: random features that the search begins with, and steps of each."""


def lost_class_gain(point: ActivePoint) -> tuple[float, Vector]:
    """The least second-order change for ‖v‖ = 1 with the best u, and its v, in y = √n M_1; searched, not proved."""
    r, K = len(point.y), point.problem.K
    V = np.random.Generator(np.random.Philox(3)).standard_normal((_STARTS, r))
    V /= np.linalg.norm(V, axis=1, keepdims=True)
    eye, best = np.eye(r), _change(point, V)
    for _ in range(_STEPS):
        G = _linear(point, V)
        last = point.weights[-1]
        inner = last.T @ last / K - best_row(point) / K**2
        A = point.wd[0] * eye + G.swapaxes(1, 2) @ inner @ G
        new = np.linalg.eigh(A)[1][:, :, 0]
        for sign in (1.0, -1.0):
            value = _change(point, sign * new)
            lower = value < best
            V, best = np.where(lower[:, None], sign * new, V), np.where(lower, value, best)
    at = int(np.argmin(best))
    return float(best[at]), V[at]


def best_row(point: ActivePoint) -> Matrix:
    """(λ_L + H_L H_Lᵀ/K)⁻¹: of g/K it makes the best row u."""
    H = point.forward()[0][-1]
    return np.asarray(np.linalg.inv(point.wd[-1] * np.eye(len(H)) + H @ H.T / point.problem.K))


def _change(point: ActivePoint, V: Matrix) -> Vector:
    H, K = (V / np.sqrt(point.problem.n)).T, point.problem.K
    for layer, W in enumerate(point.weights[:-1]):
        H = W @ H
        H = H.clip(0) if point.problem.has_relu[layer] else H
    grown = (H * (best_row(point) @ H)).sum(axis=0) / (2 * K**2)
    return np.asarray(point.wd[0] / 2 - grown + ((point.weights[-1] @ H) ** 2).sum(axis=0) / (2 * K))


def _linear(point: ActivePoint, V: Matrix) -> Stack:
    """g near each v, as a matrix."""
    G = np.broadcast_to(np.eye(V.shape[1]) / np.sqrt(point.problem.n), (len(V), V.shape[1], V.shape[1]))
    for layer, W in enumerate(point.weights[:-1]):
        G = W @ G
        if point.problem.has_relu[layer]:
            G = G * ((G @ V[:, :, None]) > 0)
    return np.asarray(G)
