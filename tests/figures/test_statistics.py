"""Summaries over runs."""

from statistics import fmean, stdev

import numpy as np
import pytest

from nccli.figures.statistics import geometric_range, mean_sd


def test_mean_and_sd_are_over_the_runs() -> None:
    values = np.random.default_rng(0).normal(size=(7, 3))
    mean, sd = mean_sd(values)
    assert sd is not None
    for i in range(3):
        assert mean[i] == pytest.approx(fmean(values[:, i]), rel=1e-13)
        assert sd[i] == pytest.approx(stdev(values[:, i]), rel=1e-13)


def test_a_single_run_has_no_spread_and_equal_runs_one_of_exactly_zero() -> None:
    assert mean_sd(np.array([[0.1, 0.2]]))[1] is None
    mean, sd = mean_sd(np.full((3, 2), 0.1))
    assert sd is not None
    assert (mean.tolist(), sd.tolist()) == ([0.1, 0.1], [0.0, 0.0])


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_not_averaged_away(odd: float) -> None:
    mean, sd = mean_sd(np.array([[1.0, 1.0], [odd, 2.0]]))
    assert sd is not None
    assert not np.isfinite([mean[0], sd[0]]).any()
    assert mean[1] == 1.5


def test_the_geometric_range_is_of_positive_values() -> None:
    mean, low, high = geometric_range(np.array([[1.0, 0.0, np.nan], [4.0, 3.0, 0.0], [0.0, np.inf, -1.0]]))
    np.testing.assert_allclose(mean, [2.0, 3.0, np.nan])
    np.testing.assert_allclose(low, [1.0, 3.0, np.nan])
    np.testing.assert_allclose(high, [4.0, 3.0, np.nan])
