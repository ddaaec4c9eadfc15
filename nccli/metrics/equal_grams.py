"""Whether two solutions are one: their Gram matrices equal up to a permutation of the classes and a scale each."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

Grams = Float[np.ndarray, "layers K K"]

_ROUNDING = 1e-12
"""Of distances of matrices of norm 1."""


def normalised(grams: Sequence[Float[np.ndarray, "K K"]]) -> Grams:
    """Gram matrices of some layers, each over its Frobenius norm, together of norm 1; those that are zero stay so."""
    norms = [float(np.linalg.norm(gram)) or 1.0 for gram in grams]
    scaled = [gram / (norm * np.sqrt(len(grams))) for gram, norm in zip(grams, norms, strict=True)]
    return np.stack(scaled)


def spectral_distance(G: Grams, H: Grams) -> float:
    """Distance of the spectra: a lower bound of the distance under any permutation (Hoffman and Wielandt 1953)."""
    return float(np.linalg.norm(np.linalg.eigvalsh(G) - np.linalg.eigvalsh(H)))


def permuted_distance(G: Grams, H: Grams, enough: float = 0.0) -> float:
    """The least ‖G − H[:, p][:, :, p]‖ that is found over permutations p of the classes, in [0, √2] of Grams of norm 1.

    Starts where classes with like rows meet, and with the fast approximate quadratic assignment of the first layer
    (Vogelstein et al. 2015), and exchanges two classes as long as that helps. An upper bound of the least there is.

    Args:
        G, H: from `normalised`.
        enough: a distance that is near enough: the search ends there.
    """
    from scipy.optimize import linear_sum_assignment, quadratic_assignment

    profiles = [
        np.concatenate([np.sort(M, axis=2), np.diagonal(M, axis1=1, axis2=2)[..., None]], axis=2) for M in (G, H)
    ]
    rows, columns = (np.concatenate(list(each), axis=1) for each in profiles)
    _, order = linear_sum_assignment(np.linalg.norm(rows[:, None] - columns[None], axis=2))
    found = _exchanged(G, H, order)
    if found > enough:
        options = {"maximize": True, "rng": np.random.default_rng(0)}
        assigned = quadratic_assignment(G[0], H[0], method="faq", options=options).col_ind
        found = min(found, _exchanged(G, H, assigned))
    return found


def _exchanged(G: Grams, H: Grams, start: Int[np.ndarray, " K"]) -> float:
    """The distance after exchanges of two classes, each the best there is."""
    order = np.array(start)
    distance = _distance(G, H, order)
    while True:
        best, better = distance, order
        for i in range(len(order)):
            for j in range(i):
                other = order.copy()
                other[[i, j]] = order[[j, i]]
                found = _distance(G, H, other)
                if found < best - _ROUNDING:
                    best, better = found, other
        if better is order:
            return distance
        distance, order = best, better


def _distance(G: Grams, H: Grams, order: Int[np.ndarray, " K"]) -> float:
    return float(np.linalg.norm(G - H[:, order[:, None], order]))
