"""Draws of the initial point: their laws, and that a seed is a point."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nccli.dufm.config import DufmConfig
from nccli.dufm.config_rules import INITS
from nccli.dufm.initial import initial_point

CONFIG = DufmConfig(K=10, L=4, n=20, width=80, wd_h1=1e-2, wd_layers=(1e-2,) * 4, lr=0.1, steps=1, seed=0)
VARIANCES = {"normal": 1 / 80, "he": 2 / 80, "uniform": 1 / 240, "orthogonal": 1 / 80}
"""Of the entries of weights at width 80."""


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_entries_have_mean_zero_and_the_variance_of_the_draw(init: str, scale: float) -> None:
    features, hidden, last = initial_point(replace(CONFIG, init=init, init_scale=scale))
    assert (features.shape, hidden.shape, last.shape) == ((200, 80), (3, 80, 80), (80, 10))
    for array, variance in ((features, 1 / 80), (hidden, VARIANCES[init]), (last, VARIANCES[init])):
        count = array.size
        assert abs(array.mean()) < 5 * scale * math.sqrt(variance / count)
        assert np.square(array).mean() == pytest.approx(scale**2 * variance, rel=10 / math.sqrt(count))


@pytest.mark.parametrize("init", INITS)
def test_features_have_about_unit_norm(init: str) -> None:
    assert np.square(initial_point(replace(CONFIG, init=init))[0]).sum(1).mean() == pytest.approx(1.0, rel=0.03)


@pytest.mark.parametrize("init", INITS)
def test_a_point_is_a_function_of_the_seed(init: str) -> None:
    config = replace(CONFIG, init=init)
    for one, again, other in zip(
        initial_point(config), initial_point(config), initial_point(replace(config, seed=1)), strict=True
    ):
        assert np.array_equal(one, again)
        assert not np.array_equal(one, other)


def test_uniform_entries_are_those_of_a_linear_layer() -> None:
    _, hidden, last = initial_point(replace(CONFIG, init="uniform"))
    for weights in (hidden, last):
        assert np.abs(weights).max() <= 1 / math.sqrt(80)
        assert np.abs(weights).max() > 0.99 / math.sqrt(80)


def test_orthogonal_weights_are_orthogonal() -> None:
    _, hidden, last = initial_point(replace(CONFIG, init="orthogonal"))
    for weights in hidden:
        assert np.allclose(weights @ weights.T, np.eye(80))
    assert np.allclose(last.T @ last, np.eye(10))


@pytest.mark.parametrize("n", [2, 20])
def test_orthogonal_features_are_orthonormal_or_a_tight_frame(n: int) -> None:
    features, *_ = initial_point(replace(CONFIG, init="orthogonal", n=n))
    N = 10 * n
    if N <= 80:
        assert np.allclose(features @ features.T, np.eye(N))
    else:
        assert np.allclose(features.T @ features, N / 80 * np.eye(80))


def test_both_signs_of_a_column_are_as_likely() -> None:
    """Without the correction of signs, QR leaves one of them."""
    firsts = [
        initial_point(replace(CONFIG, width=2, K=2, n=1, init="orthogonal", seed=seed))[1][0, 0, 0]
        for seed in range(200)
    ]
    assert 60 < sum(first > 0 for first in firsts) < 140
