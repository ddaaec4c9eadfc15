"""A spectrum with multiplicities stands for the plain list of its values."""

import numpy as np
import pytest

from nccli.theory import Spectrum


def test_pairs_in_any_order_expand_largest_first() -> None:
    spectrum = Spectrum.of((0.5, 2), (2.0, 1), (7.0, 0), (0.0, 3))
    assert spectrum.expand().tolist() == [2.0, 0.5, 0.5, 0.0, 0.0, 0.0]
    assert (spectrum.rank, spectrum.total) == (3, 3.0)


def test_computed_values_are_merged_up_to_rounding_and_padded() -> None:
    spectrum = Spectrum.from_values(np.array([1.0, 3.0, 1.0 + 1e-15, 1e-17]), total=6)
    assert spectrum.multiplicities.tolist() == [1, 2, 3]
    assert spectrum.expand() == pytest.approx([3, 1, 1, 0, 0, 0], rel=1e-14, abs=0)
    assert spectrum.rank == 3


def test_values_that_differ_by_more_than_rounding_stay_apart() -> None:
    assert Spectrum.from_values(np.array([1.0, 1.0 + 1e-8]), total=2).multiplicities.tolist() == [1, 1]


def test_zero_matrix_has_rank_zero() -> None:
    assert Spectrum.from_values(np.zeros(3), total=3).rank == 0
