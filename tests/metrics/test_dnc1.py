"""dnc1 = tr(Σ_W)/tr(Σ_B)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.metrics import dnc1
from tests.oracle import collapse_metrics as oracle
from tests.oracle.labelled_features import Array, Labels, labelled_features, rotation


@given(case=labelled_features())
def test_equals_the_traces_of_explicit_covariance_matrices(case: tuple[Array, Labels]) -> None:
    assert dnc1(*case) == pytest.approx(oracle.dnc1(*case), rel=1e-10, abs=1e-25)


@given(case=labelled_features(), size=st.sampled_from([1e-3, -2.0, 1e4]))
def test_ignores_rotation_shift_and_scale_of_the_features(case: tuple[Array, Labels], size: float) -> None:
    features, labels = case
    moved = size * (features + 3.0) @ rotation(features.shape[1])
    assert dnc1(moved, labels) == pytest.approx(dnc1(features, labels), rel=1e-9, abs=1e-25)


@given(case=labelled_features(), data=st.data())
def test_ignores_names_of_classes_and_order_of_samples(case: tuple[Array, Labels], data: st.DataObject) -> None:
    features, labels = case
    name = np.array(data.draw(st.permutations(range(int(labels.max()) + 1))))
    order = np.array(data.draw(st.permutations(range(labels.size))))
    moved = dnc1(features[order], name[labels][order])
    assert moved == pytest.approx(dnc1(features, labels), rel=1e-10, abs=1e-25)


@given(case=labelled_features(), times=st.integers(2, 4))
def test_ignores_duplication_of_all_samples(case: tuple[Array, Labels], times: int) -> None:
    features, labels = case
    repeated = dnc1(np.tile(features, (times, 1)), np.tile(labels, times))
    assert repeated == pytest.approx(dnc1(features, labels), rel=1e-10, abs=1e-25)


def test_weighs_unbalanced_classes_by_their_samples() -> None:
    """Three samples 0, 1, 2 of class 0 and one sample 5 of class 1: Σ_W = 2/4, Σ_B = 3/4·1 + 1/4·9."""
    features = np.array([[0.0], [1.0], [2.0], [5.0]])
    assert dnc1(features, np.array([0, 0, 0, 1])) == pytest.approx(0.5 / 3, rel=1e-14, abs=0)


@given(case=labelled_features(most_n=1))
def test_is_exactly_zero_for_one_sample_a_class(case: tuple[Array, Labels]) -> None:
    assert dnc1(*case) == 0.0


def test_is_infinite_where_classes_vary_inside_but_do_not_differ() -> None:
    one_class = np.random.default_rng(0).normal(size=(6, 3))
    assert dnc1(one_class, np.zeros(6, dtype=np.int64)) == np.inf
    assert dnc1(np.array([[1.0], [-1.0], [2.0], [-2.0]]), np.array([0, 0, 1, 1])) == np.inf


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -1 / 3, 1e-8, 12345.678])
@pytest.mark.parametrize(("K", "n"), [(1, 7), (2, 2), (3, 1), (3, 3), (7, 5)])
def test_is_nan_where_nothing_varies(value: float, K: int, n: int) -> None:
    assert np.isnan(dnc1(np.full((K * n, 4), value), np.repeat(np.arange(K), n)))


def test_leading_axes_are_independent_batches() -> None:
    features = np.random.default_rng(1).normal(size=(2, 3, 7, 4))
    features[1, 1] = 0.0
    labels = np.array([0, 1, 1, 2, 0, 2, 2])
    values = dnc1(features, labels)
    assert values.shape == (2, 3)
    singles = np.array([[float(dnc1(features[i, j], labels)) for j in range(3)] for i in range(2)])
    assert values == pytest.approx(singles, rel=1e-13, nan_ok=True)
    assert np.isnan(values).tolist() == [[False] * 3, [False, True, False]]


def test_labels_with_an_empty_class_are_refused() -> None:
    with pytest.raises(ValueError, match="class 1 has no sample"):
        dnc1(np.zeros((2, 2)), np.array([0, 2]))
