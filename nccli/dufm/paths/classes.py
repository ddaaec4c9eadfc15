"""Which class of one point is which of another: Gram matrices of all layers at once."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

Grams = Float[np.ndarray, "layers K K"]
Classes = Int[np.ndarray, " K"]

_STARTS = 24
"""A taste: matchings that are sought; SRG T(6) is found in a fifth of them."""

_STEPS = 60
"""A bound that is rarely met: steps of Frank and Wolfe of one matching."""

_SAME = 1e-9
"""A bound: relative rounding of the scores of two matchings that are alike, of points in float32 too."""


def matchings(one: Grams, other: Grams, most: int) -> list[Classes]:
    """Permutations c of the classes for which `other[:, c][:, :, c]` is like `one`, the best first.

    Each maximises Σ_l ⟨G_l, P G'_l Pᵀ⟩ locally: Frank and Wolfe's algorithm over doubly stochastic matrices (Vogelstein
    et al. 2015) from the barycentre and from random points, then exchanges of two classes.

    Args:
        one, other: Gram matrices of unit norm.
        most: so many that differ in score.
    """
    found: dict[float, Classes] = {}
    for start in _starts(one.shape[-1]):
        classes = _exchanged(one, other, _frank_wolfe(one, other, start))
        score = _score(one, other, classes)
        if not any(abs(score - known) <= _SAME * len(one) for known in found):
            found[score] = classes
        if score >= len(one) * (1 - _SAME):
            break
    return [found[score] for score in sorted(found, reverse=True)[:most]]


def _starts(K: int) -> Iterator[Float[np.ndarray, "K K"]]:
    """The identity, the barycentre, and points between it and random permutations."""
    yield np.eye(K)
    flat = np.full((K, K), 1 / K)
    yield flat
    rng = np.random.Generator(np.random.Philox(0))
    for _ in range(_STARTS):
        yield (flat + np.eye(K)[rng.permutation(K)]) / 2


def _frank_wolfe(one: Grams, other: Grams, P: Float[np.ndarray, "K K"]) -> Classes:
    for _ in range(_STEPS):
        slope = (one @ P @ other).sum(axis=0)
        to = np.eye(len(P))[linear_sum_assignment(slope, maximize=True)[1]]
        D = to - P
        along = 2 * float(np.vdot(slope, D))
        curved = float(np.vdot((one @ D @ other).sum(axis=0), D))
        step = 1.0 if curved >= 0 or along > -2 * curved else along / (-2 * curved)
        if along <= _SAME:
            break
        P = P + step * D
    return np.asarray(linear_sum_assignment(P, maximize=True)[1])


def _exchanged(one: Grams, other: Grams, classes: Classes) -> Classes:
    """With the exchange that gains the most, again and again."""
    classes = classes.copy()
    while True:
        gain = _gains(one, other[:, classes[:, None], classes])
        i, j = np.unravel_index(int(gain.argmax()), gain.shape)
        if gain[i, j] <= _SAME:
            return classes
        classes[[i, j]] = classes[[j, i]]


def _gains(A: Grams, B: Grams) -> Float[np.ndarray, "K K"]:
    """What the score gains where classes i and j of the second are exchanged."""
    product = (A @ B).sum(axis=0)
    a, b = (np.diagonal(each, axis1=1, axis2=2)[:, :, None] for each in (A, B))
    a_j, b_j = a.swapaxes(1, 2), b.swapaxes(1, 2)
    own = ((a - A) * (B - b) + (A - a_j) * (b_j - B)).sum(axis=0)
    through = product + product.T - np.diagonal(product)[:, None] - np.diagonal(product)
    return np.asarray(2 * (through - own) + ((a - a_j) * (b_j - b)).sum(axis=0))


def _score(one: Grams, other: Grams, classes: Classes) -> float:
    return float(np.vdot(one, other[:, classes[:, None], classes]))
