"""Directions in which nothing changes: turns and exchanges of units, which leave the function and all norms alone.

Rotation: Q in O(r) acts on (y, W_1), on the two matrices about a linear layer, and on those about units of a ReLU layer
that have the same signs in all classes (small turns keep them). Exchange: units whose outer products o_i h_iᵀ
(outgoing weights, output) are linearly dependent can be weighted anew, unit i by c_i on both sides with Σ c_i² o_i h_iᵀ
kept: parallel units may split a unit between them. Scaling is none, for weight decay fixes the balance of two layers;
permutations are discrete.
"""

import numpy as np
from jaxtyping import Float

from nccli.dufm.second_order.point import ActivePoint, Matrix, Places, Vector

_RANK = 1e-8
"""A bound: relative singular values of rounding; certified points leave 1e-10."""


def symmetry_directions(point: ActivePoint, signs: list[Matrix]) -> Float[np.ndarray, "directions size"]:
    """Orthonormal basis of them, a row each, with spare dimensions and zero units left out.

    Args:
        point: where.
        signs: of the pre-activations of layers 2..L, −1, 0 at kinks, 1; all 1 in linear layers.
    """
    found = _turns(point, 0, [np.arange(len(point.y))])
    H = point.forward()[0]
    for layer, sign in enumerate(signs, 1):
        _, group = np.unique(sign, axis=0, return_inverse=True)
        found += _turns(point, layer, [np.flatnonzero(group == g) for g in range(int(group.max(initial=-1)) + 1)])
        found += _exchanges(point, layer, H[layer])
    if not found:
        return np.zeros((0, point.size))
    _, s, Vt = np.linalg.svd(np.array(found), full_matrices=False)
    return np.asarray(Vt[s > _RANK * max(s[0], 1e-300)])


def _turns(point: ActivePoint, layer: int, groups: list[Places]) -> list[Vector]:
    """Rows of one matrix and columns of the next, turned within groups of units."""
    found = []
    for group in groups:
        for place, i in enumerate(group):
            for j in group[:place]:
                parts = [np.zeros(shape) for shape in point.shapes]
                rows, columns = point.parts[layer], point.parts[layer + 1]
                parts[layer][i], parts[layer][j] = rows[j], -rows[i]
                parts[layer + 1][:, i], parts[layer + 1][:, j] = columns[:, j], -columns[:, i]
                found.append(_normed(parts))
    return found


def _exchanges(point: ActivePoint, layer: int, H: Matrix) -> list[Vector]:
    """Of the weights c_i² that units have, changes that keep Σ c_i² o_i h_iᵀ."""
    out = point.parts[layer + 1]
    size = np.linalg.norm(H, axis=1) * np.linalg.norm(out, axis=0)
    if not len(size) or size.min() <= 0:
        return []
    gram = (H @ H.T) * (out.T @ out) / np.outer(size, size)
    w, Q = np.linalg.eigh(gram)
    found = []
    for change in (Q[:, w < _RANK * w[-1]] / size[:, None]).T:
        parts = [np.zeros(shape) for shape in point.shapes]
        parts[layer], parts[layer + 1] = change[:, None] * point.parts[layer], out * change
        found.append(_normed(parts))
    return found


def _normed(parts: list[Matrix]) -> Vector:
    x = np.concatenate([part.ravel() for part in parts])
    return np.asarray(x / max(float(np.linalg.norm(x)), 1e-300))
