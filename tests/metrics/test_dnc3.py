"""dnc3: weighted distance of the rows of W_l from the nearest class-mean direction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.metrics import dnc3
from tests.oracle import collapse_metrics as oracle
from tests.oracle.labelled_features import Array, generators, rotation


@st.composite
def weights_and_means(draw: st.DrawFn) -> tuple[Array, Array]:
    """(W, M) over one feature space, some rows of each zero."""
    rng = draw(generators)
    d = draw(st.integers(1, 6))
    W, M = rng.normal(size=(draw(st.integers(1, 6)), d)), rng.normal(size=(draw(st.integers(1, 6)), d))
    W[1:][rng.random(len(W) - 1) < 0.3] = 0.0
    M[1:][rng.random(len(M) - 1) < 0.3] = 0.0
    return W, M


@given(case=weights_and_means())
def test_equals_the_sum_over_rows(case: tuple[Array, Array]) -> None:
    assert dnc3(*case) == pytest.approx(oracle.dnc3(*case), abs=1e-14)


@given(case=weights_and_means(), size=st.sampled_from([1e-6, -2.0, 1e6]))
def test_ignores_rotation_of_the_features_and_scale_of_weights_and_means(
    case: tuple[Array, Array], size: float
) -> None:
    W, M = case
    R = rotation(W.shape[1])
    assert dnc3(size * W @ R, M @ R / size) == pytest.approx(dnc3(W, M), abs=1e-14)


@given(case=weights_and_means(), data=st.data())
def test_ignores_order_sign_and_length_of_class_means(case: tuple[Array, Array], data: st.DataObject) -> None:
    W, M = case
    order = data.draw(st.permutations(range(len(M))))
    lengths = data.draw(st.lists(st.sampled_from([-3.0, 0.01, 1.0, 40.0]), min_size=len(M), max_size=len(M)))
    assert dnc3(W, M[order] * np.array(lengths)[:, None]) == pytest.approx(dnc3(W, M), abs=1e-14)


@given(case=weights_and_means(), rows=st.integers(1, 4))
def test_ignores_zero_rows_and_duplicates(case: tuple[Array, Array], rows: int) -> None:
    W, M = case
    nothing = np.zeros((rows, W.shape[1]))
    assert dnc3(np.vstack([W, nothing]), np.vstack([nothing, M])) == pytest.approx(dnc3(W, M), abs=1e-14)
    assert dnc3(np.tile(W, (rows, 1)), np.tile(M, (rows, 1))) == pytest.approx(dnc3(W, M), abs=1e-14)


def test_is_zero_where_every_row_lies_along_a_class_mean() -> None:
    M = np.random.default_rng(0).normal(size=(4, 6))
    W = np.array([[2.0], [-0.5], [7.0]]) * M[[3, 0, 3]]
    assert dnc3(W, M) == pytest.approx(0, abs=1e-15)
    assert dnc3(np.eye(5), np.eye(5)) == 0.0


def test_is_one_where_weights_see_no_class_mean() -> None:
    assert dnc3(np.eye(4)[:2], np.eye(4)[2:]) == 1.0


def test_rows_weigh_with_their_squared_norm() -> None:
    """Row (3, 0) is aligned, row (0, 1) is orthogonal: 1/10."""
    assert dnc3(np.array([[3.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0]])) == pytest.approx(0.1, rel=1e-15, abs=0)


def test_is_nan_where_weights_or_means_are_zero() -> None:
    assert np.isnan(dnc3(np.zeros((2, 3)), np.eye(3)))
    assert np.isnan(dnc3(np.eye(3), np.zeros((2, 3))))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_or_means_that_are_not_finite_are_refused(bad: float) -> None:
    broken = np.eye(3)
    broken[0, 0] = bad
    for W, M in ((broken, np.eye(3)), (np.eye(3), broken)):
        with pytest.raises(ValueError, match="nan or infinite"):
            dnc3(W, M)
