"""Class means of labelled features."""

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from nccli.metrics import class_means
from tests.oracle import collapse_metrics as oracle
from tests.oracle.labelled_features import Array, Labels, labelled_features


@given(case=labelled_features(least_K=1))
def test_row_k_is_the_mean_of_class_k(case: tuple[Array, Labels]) -> None:
    features, labels = case
    assert class_means(features, labels) == pytest.approx(oracle.class_means(features, labels), abs=1e-14)


def test_one_sample_a_class_is_returned_unchanged() -> None:
    features = np.random.default_rng(0).normal(size=(5, 3))
    labels = np.array([3, 0, 4, 1, 2])
    assert np.array_equal(class_means(features, labels)[labels], features)


def test_leading_axes_are_independent_batches() -> None:
    features = np.random.default_rng(1).normal(size=(2, 3, 7, 4))
    labels = np.array([0, 1, 1, 2, 0, 2, 2])
    means = class_means(features, labels)
    assert means.shape == (2, 3, 3, 4)
    for i in range(2):
        for j in range(3):
            assert means[i, j] == pytest.approx(class_means(features[i, j], labels), abs=1e-15)


def test_single_precision_features_are_averaged_in_double() -> None:
    """2²⁴ + 1 is no float32, so in single precision the ones would be lost."""
    features = np.array([[2.0**24]] + [[1.0]] * 15, dtype=np.float32)
    means = class_means(features, np.zeros(16, dtype=np.int64))
    assert means.dtype == np.float64
    assert means[0, 0] == (2.0**24 + 15) / 16


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 2, 2]), r"class 1 has no sample.*0\.\.2"),
        (np.array([1, 1, 1]), "class 0 has no sample"),
        (np.array([0, -1, 1]), r"labels must be integers 0\.\.K-1"),
        (np.array([], dtype=np.int64), "at least one"),
    ],
)
def test_labels_that_are_not_0_to_K_minus_1_are_refused(labels: NDArray[np.int64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        class_means(np.zeros((labels.size, 2)), labels)
