"""A spectrum is of a rank exactly, or under noise that shows no other rank."""

import numpy as np
import pytest

from nccli.metrics.rank_rule import RankFit, rank_fit


def spectrum(rank: int, noise: float, K: int = 10, rows: int = 30) -> np.ndarray:
    """Of a matrix of this rank with noise in all directions."""
    rng = np.random.default_rng(0)
    M = np.eye(rows, K) * (np.arange(K) < rank)
    return np.linalg.svd(M + noise * rng.normal(size=(rows, K)) / np.sqrt(rows), compute_uv=False)


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_the_numerical_rank_alone_is_exact(noise: float) -> None:
    fits = [rank_fit(spectrum(5, noise), rank) for rank in range(1, 11)]
    assert [rank + 1 for rank, fit in enumerate(fits) if fit is RankFit.EXACT] == [5]
    assert {fit for fit in fits if fit is not RankFit.EXACT} == {RankFit.NOT}


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.2])
def test_under_noise_only_the_rank_before_the_gap_fits(noise: float) -> None:
    found = spectrum(5, noise)
    assert rank_fit(found, 5) is RankFit.UNDER_NOISE
    assert [rank_fit(found, rank) for rank in (4, 6)] == [RankFit.NOT, RankFit.NOT]


@pytest.mark.parametrize("share", [0.011, 0.1, 0.3])
@pytest.mark.parametrize("more", [1, 2])
def test_one_or_two_more_directions_are_no_noise(share: float, more: int) -> None:
    found = np.concatenate([np.ones(5), np.full(more, share), np.full(5 - more, 1e-9)])
    assert rank_fit(found, 5) is RankFit.NOT
    assert rank_fit(found, 5 + more) is RankFit.EXACT


def test_a_rank_that_the_layer_does_not_reach_never_fits() -> None:
    assert rank_fit(spectrum(5, 0.0), 6) is RankFit.NOT


def test_the_last_direction_may_be_noise() -> None:
    assert rank_fit(np.array([1.0, 1, 1, 0.05]), 3) is RankFit.UNDER_NOISE
