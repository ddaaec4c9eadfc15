"""Singular values, and the ranks and norms that are functions of them."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.metrics import (
    RANK_RTOL,
    ZERO_FLOOR,
    effective_rank,
    nuclear_norm,
    numerical_rank,
    singular_values,
    stable_rank,
)
from tests.oracle import collapse_metrics as oracle
from tests.oracle.labelled_features import Array, matrices, rotation

spectra = st.lists(st.sampled_from([0.0, 1e-9, 1e-7, 3e-3, 0.02, 0.5, 1.0, 30.0]), min_size=1, max_size=8).map(np.array)


@given(matrix=matrices())
def test_singular_values_are_roots_of_gram_eigenvalues(matrix: Array) -> None:
    values = singular_values(matrix)
    assert np.all(np.diff(values) <= 0)
    assert values**2 == pytest.approx(oracle.gram_singular_values(matrix) ** 2, abs=1e-13 * values[0] ** 2)


@given(matrix=matrices())
def test_singular_values_ignore_rotation_and_order_and_follow_scale(matrix: Array) -> None:
    values = singular_values(matrix)
    moved = singular_values(-5.0 * rotation(len(matrix)) @ matrix[::-1] @ rotation(matrix.shape[1], seed=1))
    assert moved == pytest.approx(5 * values, abs=1e-13 * values[0])


@given(matrix=matrices())
def test_norms_of_the_spectrum_are_norms_of_the_matrix(matrix: Array) -> None:
    values = singular_values(matrix)
    assert nuclear_norm(values) == pytest.approx(np.linalg.norm(matrix, "nuc"), rel=1e-13, abs=0)
    frobenius, operator = np.sum(matrix**2), np.linalg.norm(matrix, 2)
    assert stable_rank(values) == pytest.approx(frobenius / operator**2, rel=1e-13, abs=0)


@given(spectrum=spectra, rtol=st.sampled_from([1e-10, 1e-2, 0.3]), floor=st.sampled_from([0.0, 1e-6, 0.1]))
def test_numerical_rank_counts_values_above_both_tolerances(spectrum: Array, rtol: float, floor: float) -> None:
    assert numerical_rank(spectrum, rtol, floor) == oracle.numerical_rank(spectrum, rtol, floor)
    assert numerical_rank(spectrum) == oracle.numerical_rank(spectrum, RANK_RTOL, ZERO_FLOOR)


def test_numerical_rank_is_strictly_above_its_tolerances() -> None:
    assert numerical_rank(np.array([1.0, 0.01, 0.0100001])) == 2
    assert numerical_rank(np.array([1e-6, 1e-6])) == 0
    assert numerical_rank(np.array([1.1e-6, 1.1e-6])) == 2


@given(spectrum=spectra)
def test_effective_rank_is_exp_of_the_entropy(spectrum: Array) -> None:
    assert effective_rank(spectrum) == pytest.approx(oracle.effective_rank(spectrum), rel=1e-13, abs=0)


@given(spectrum=spectra, zeros=st.integers(0, 3))
def test_effective_and_stable_rank_lie_between_1_and_the_rank(spectrum: Array, zeros: int) -> None:
    rank = np.count_nonzero(spectrum)
    for measure in (effective_rank, stable_rank):
        value = float(measure(spectrum))
        assert min(rank, 1) - 1e-13 <= value <= rank + 1e-13
        assert float(measure(np.append(spectrum, [0.0] * zeros))) == pytest.approx(value, rel=1e-14, abs=0)


@given(spectrum=spectra, size=st.sampled_from([1e-12, 0.3, 1e9]), data=st.data())
def test_effective_and_stable_rank_ignore_scale_and_order(spectrum: Array, size: float, data: st.DataObject) -> None:
    moved = size * np.array(data.draw(st.permutations(list(spectrum))))
    assert effective_rank(moved) == pytest.approx(effective_rank(spectrum), rel=1e-13, abs=0)
    assert stable_rank(moved) == pytest.approx(stable_rank(spectrum), rel=1e-13, abs=0)


@pytest.mark.parametrize("K", [1, 2, 10, 100])
def test_all_ranks_of_the_identity_are_K(K: int) -> None:
    values = singular_values(np.eye(K))
    assert numerical_rank(values) == stable_rank(values) == nuclear_norm(values) == K
    assert effective_rank(values) == pytest.approx(K, rel=1e-14, abs=0)


def test_all_ranks_of_a_single_direction_are_one() -> None:
    values = np.array([0.3, 0.0, 0.0])
    assert numerical_rank(values) == effective_rank(values) == stable_rank(values) == 1


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (1, 1)])
def test_all_ranks_of_the_zero_matrix_are_zero(shape: tuple[int, int]) -> None:
    values = singular_values(np.zeros(shape))
    assert values.tolist() == [0.0] * min(shape)
    assert numerical_rank(values) == effective_rank(values) == stable_rank(values) == nuclear_norm(values) == 0


@pytest.mark.parametrize("measure", [numerical_rank, effective_rank, stable_rank, nuclear_norm])
def test_leading_axes_are_independent_batches(measure: Callable[[Array], Array]) -> None:
    batch = np.random.default_rng(0).normal(size=(2, 3, 4, 6))
    batch[1, 0] = 0.0
    batch[0, 2, :, 1:] = 0.0
    values = measure(singular_values(batch))
    assert values.shape == (2, 3)
    assert values.ravel() == pytest.approx(
        [float(measure(singular_values(m))) for m in batch.reshape(6, 4, 6)], rel=1e-13
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_entries_that_are_not_finite_have_no_singular_values(bad: float) -> None:
    matrix = np.eye(3)
    matrix[2, 0] = bad
    with pytest.raises(ValueError, match="nan or infinite"):
        singular_values(matrix)
