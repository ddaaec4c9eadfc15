"""Balanced weights, and the tails of their spectra."""

import numpy as np
import pytest

from nccli.metrics.balancedness import balancedness
from nccli.metrics.out_of_distribution import nc5
from nccli.metrics.power_law import power_law_exponent
from tests.oracle.labelled_features import rotation


def test_weights_whose_grams_are_one_are_balanced_and_of_others_the_larger_gram_is_the_measure() -> None:
    below = np.diag([3.0, 1.0, 0.5]) @ rotation(7)[:3]
    above = rotation(5, 1)[:, :3] @ np.diag([3.0, 1.0, 0.5])
    assert balancedness(above, below) == pytest.approx(0, abs=1e-14)
    assert balancedness(0 * above, below) == pytest.approx(1)
    assert balancedness(2 * above, below) == pytest.approx(3 / 4)
    assert np.isnan(balancedness(0 * above, 0 * below))


def test_a_set_orthogonal_to_all_classes_has_no_nc5() -> None:
    means = np.array([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    assert nc5(means, np.array([0.0, 0.0, 5.0])) == 0
    assert nc5(means, np.array([-1.0, 0.0, 0.0])) == pytest.approx(0.5)
    assert np.isnan(nc5(means, np.zeros(3)))


@pytest.mark.parametrize("alpha", [2.0, 3.5, 6.0])
def test_the_exponent_of_a_pareto_sample_is_found(alpha: float) -> None:
    eigenvalues = 1 + np.random.default_rng(0).pareto(alpha - 1, size=4000)
    assert power_law_exponent(np.sqrt(eigenvalues)) == pytest.approx(alpha, rel=0.08)
    assert np.isnan(power_law_exponent(np.sqrt(eigenvalues[:20])))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", [0, 1])
def test_the_exponent_is_that_of_package_powerlaw(seed: int) -> None:
    powerlaw = pytest.importorskip("powerlaw")
    spectrum = np.linalg.svd(np.random.default_rng(seed).standard_t(3, size=(60, 90)), compute_uv=False)
    found = powerlaw.Fit(spectrum**2, parameter_ranges={"alpha": [1.0, None]}, verbose=0).alpha
    assert power_law_exponent(spectrum) == pytest.approx(found, rel=1e-9)
