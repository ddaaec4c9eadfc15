"""Hyperspherical uniformity: least and without spread for a simplex ETF."""

import math

import numpy as np
import pytest

from nccli.metrics.uniformity import uniformity, uniformity_variation

ETF = np.eye(5) - 0.2


def test_it_is_the_mean_over_pairs_and_its_coefficient_of_variation() -> None:
    M = np.random.default_rng(0).normal(size=(5, 3))
    unit = M / np.linalg.norm(M, axis=1)[:, None]
    logs = [math.log(1 / np.linalg.norm(unit[a] - unit[b])) for a in range(5) for b in range(a)]
    assert uniformity(M) == pytest.approx(np.mean(logs))
    assert uniformity_variation(M) == pytest.approx(np.std(logs) / abs(np.mean(logs)))
    assert uniformity(M) > uniformity(ETF) == pytest.approx(-math.log(10 / 4) / 2)
    assert uniformity_variation(3 * ETF) == pytest.approx(0, abs=1e-14)


def test_means_of_one_direction_are_infinitely_far_from_uniform_and_zero_has_none() -> None:
    assert uniformity(ETF[[0, 0, 1]]) == math.inf
    assert math.isnan(uniformity_variation(ETF[[0, 0, 1]]))
    assert math.isnan(uniformity(np.zeros((3, 2))))
    assert math.isnan(uniformity(ETF[:1]))
