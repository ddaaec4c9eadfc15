"""The gap at a rank: how much of a choice the tolerance is."""

import numpy as np
import pytest

from nccli.metrics.gap import spectral_gap
from nccli.metrics.spectrum import numerical_rank


def test_it_is_the_last_kept_over_the_first_dropped_value() -> None:
    spectrum = np.array([2.0, 1.0, 1e-3, 1e-9])
    assert spectral_gap(spectrum) == pytest.approx(1e3)
    assert spectral_gap(spectrum, rtol=1e-4) == pytest.approx(1e6)


def test_full_rank_exact_zeros_and_the_zero_matrix_leave_nothing_to_the_tolerance() -> None:
    spectra = np.array([[1.0, 0.9, 0.5], [1.0, 0.9, 0.0], [0.0, 0.0, 0.0]])
    assert spectral_gap(spectra).tolist() == [np.inf] * 3


@pytest.mark.parametrize("seed", range(5))
def test_within_the_gap_the_rank_is_the_same_for_every_tolerance(seed: int) -> None:
    spectrum = np.sort(10.0 ** np.random.default_rng(seed).uniform(-5, 0, size=(7, 6)))[:, ::-1]
    gap, rank = spectral_gap(spectrum), numerical_rank(spectrum)
    for values, width, own in zip(spectrum, gap, rank, strict=True):
        kept = values[own - 1] / values[0]
        lowest = kept / min(width, 1e6)
        inside = np.geomspace(lowest * 1.001, kept * 0.999, 20)
        assert {int(numerical_rank(values, rtol)) for rtol in inside} == {int(own)}
