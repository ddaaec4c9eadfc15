"""How much of the class means ReLU takes away."""

import math

import numpy as np
import pytest
from hypothesis import given

from nccli.metrics.relu import negative_share
from tests.oracle.labelled_features import Array, matrices


@given(matrix=matrices())
def test_the_share_is_that_of_the_squared_entries_below_zero(matrix: Array) -> None:
    flat = [float(value) for value in matrix.ravel()]
    whole = math.fsum(value**2 for value in flat)
    expected = math.fsum(value**2 for value in flat if value < 0) / whole
    assert negative_share(matrix) == pytest.approx(expected, rel=1e-12, abs=1e-300)
    assert negative_share(-3.0 * matrix) == pytest.approx(1 - negative_share(matrix), rel=1e-9, abs=1e-12)


@given(matrix=matrices())
def test_it_is_zero_exactly_where_relu_does_nothing(matrix: Array) -> None:
    assert negative_share(np.maximum(matrix, 0.0) + 1.0) == 0.0
    assert negative_share(-np.abs(matrix) - 1.0) == 1.0


def test_means_that_are_all_zero_have_none() -> None:
    assert math.isnan(negative_share(np.zeros((3, 4))))
