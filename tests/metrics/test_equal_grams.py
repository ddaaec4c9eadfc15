"""Two solutions are one where their Gram matrices are equal up to a permutation of the classes."""

import numpy as np
import pytest

from nccli.metrics.equal_grams import normalised, permuted_distance, spectral_distance


@pytest.mark.parametrize("K", [6, 10, 15])
def test_a_permutation_and_a_scale_change_nothing(K: int) -> None:
    rng = np.random.default_rng(K)
    grams = [np.asarray(layer.T @ layer) for layer in (rng.random((3, K)) ** 3, rng.random((K, K)))]
    order = rng.permutation(K)
    moved = [scale * gram[np.ix_(order, order)] for scale, gram in zip((3.0, 0.1), grams, strict=True)]
    assert permuted_distance(normalised(grams), normalised(moved)) < 1e-9


def test_the_spectra_bound_the_distance_from_below() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        G, H = (normalised([(M := rng.normal(size=(4, 6))).T @ M, np.eye(6)]) for _ in range(2))
        assert spectral_distance(G, H) <= permuted_distance(G, H) <= np.linalg.norm(G - H)


def test_what_differs_under_every_permutation_stays_apart() -> None:
    square, path = np.eye(4), np.eye(4)
    for matrix, pairs in ((square, [(0, 1), (1, 2), (2, 3), (3, 0)]), (path, [(0, 1), (1, 2), (2, 3)])):
        for i, j in pairs:
            matrix[i, j] = matrix[j, i] = 0.5
    assert permuted_distance(normalised([square]), normalised([path])) > 0.1
    assert permuted_distance(normalised([np.zeros((4, 4))]), normalised([path])) == pytest.approx(1.0)
