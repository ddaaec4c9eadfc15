"""dnc2 = s_1/s_K of the class means, one class a row and not centred."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.metrics import dnc2
from tests.oracle import collapse_metrics as oracle
from tests.oracle.labelled_features import Array, matrices, rotation


@given(means=matrices(wide=True))
def test_squared_it_is_the_condition_number_of_the_gram_matrix(means: Array) -> None:
    value = float(dnc2(means))
    assert value >= 1
    assert value == pytest.approx(oracle.dnc2(means), rel=1e-13 * value**2, abs=0)


@given(means=matrices(wide=True), size=st.sampled_from([1e-8, -3.0, 1e8]), data=st.data())
def test_ignores_rotation_scale_and_order_of_classes(means: Array, size: float, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(means))))
    moved = size * means[order] @ rotation(means.shape[1])
    value = float(dnc2(means))
    assert float(dnc2(moved)) == pytest.approx(value, rel=1e-13 * value, abs=0)


@pytest.mark.parametrize("K", [1, 2, 7])
def test_is_one_for_an_orthogonal_frame(K: int) -> None:
    assert dnc2(np.eye(K)) == 1.0
    assert dnc2(0.01 * rotation(9)[:K]) == pytest.approx(1, rel=1e-13, abs=0)


def test_is_not_one_for_a_simplex_frame() -> None:
    """Without biases the target is orthogonal; means are not centred, so a shift of the features matters."""
    assert dnc2(np.eye(4) - 0.25) == np.inf
    assert dnc2(np.eye(4) + 1.0) == pytest.approx(5, rel=1e-13, abs=0)


@pytest.mark.parametrize(
    "means",
    [
        np.zeros((3, 5)),
        np.ones((3, 5)),
        np.eye(4)[:, :3],
        np.diag([1.0, 1.0, 0.0]),
        np.random.default_rng(0).normal(size=(6, 3)) @ np.random.default_rng(1).normal(size=(3, 9)),
    ],
    ids=["zero", "equal means", "d < K", "one zero mean", "rank 3 of 6"],
)
def test_is_infinite_below_rank_K(means: Array) -> None:
    assert dnc2(means) == np.inf


def test_leading_axes_are_independent_batches() -> None:
    means = np.random.default_rng(1).normal(size=(2, 3, 4, 5))
    means[1, 2] = 0.0
    values = dnc2(means)
    assert values.shape == (2, 3)
    assert values.ravel() == pytest.approx([float(dnc2(m)) for m in means.reshape(6, 4, 5)], rel=1e-13, abs=0)
    assert dnc2(means[..., :3]).tolist() == [[np.inf] * 3] * 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(2, 3), (3, 2)])
def test_entries_that_are_not_finite_are_refused(bad: float, shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="nan or infinite"):
        dnc2(np.full(shape, bad))
