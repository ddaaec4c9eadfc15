"""Whether a run has settled, from what it has measured: stillness is, motion and youth are not."""

import math

import numpy as np
import pytest

from nccli.metrics.drift import Drift, drift
from nccli.training.measure_points import measure_steps

STEPS = np.array(measure_steps(50_000))
TIMES = STEPS / 500
"""100 time constants."""

STILL = np.array([[1.0, 0.7, 0.5, 1e-7], [1.0, 0.8, 0.4, 1e-8]])
"""Two stages of rank 3."""


def judged(
    change: np.ndarray | None = None, losses: np.ndarray | None = None, times: np.ndarray = TIMES, scale: float = 1.0
) -> Drift:
    """Of a run with these spectra but for a change of the third value of the first stage, a factor at every point."""
    spectra = np.repeat(scale * STILL[None], len(times), axis=0)
    if change is not None:
        spectra[:, 0, 2] *= change
    return drift(times, np.full(len(times), 0.1) if losses is None else losses, spectra.astype(np.float32))


def test_a_run_that_rests_has_settled_and_does_not_drift() -> None:
    found = judged()
    assert found.settled
    assert found.loss_drift == pytest.approx(0, abs=1e-12)
    assert found.spectral_drift == pytest.approx(0, abs=1e-8)


def test_noise_of_descent_that_crosses_kinks_is_no_drift() -> None:
    rng = np.random.default_rng(0)
    noisy = 1 + 1e-2 * rng.standard_normal(len(TIMES))
    assert judged(noisy, losses=0.1 * (1 + 1e-3 * rng.standard_normal(len(TIMES)))).settled


def test_drifts_are_rates_by_the_time_constant() -> None:
    rate = 2e-4
    found = judged(np.exp(-rate * TIMES), losses=0.1 * np.exp(-rate * TIMES))
    assert found.spectral_drift == pytest.approx(rate, rel=1e-4)
    assert found.loss_drift == pytest.approx(rate, rel=2e-2)
    assert drift(3 * TIMES, 0.1 * np.exp(-rate * TIMES), np.repeat(STILL[None], len(TIMES), axis=0)).loss_drift == (
        pytest.approx(rate / 3, rel=2e-2)
    )


def test_a_rank_on_its_way_down_or_up_has_not_settled() -> None:
    falling = np.exp(-TIMES / 50)
    assert not judged(falling).settled
    rising = STILL.copy()
    rising[0, 3] = 1e-3
    spectra = np.repeat(rising[None], len(TIMES), axis=0)
    assert drift(TIMES, np.full(len(TIMES), 0.1), spectra).settled
    spectra[:, 0, 3] *= np.exp(0.02 * (TIMES - TIMES[-1]))
    assert not drift(TIMES, np.full(len(TIMES), 0.1), spectra).settled


def test_a_rank_that_has_just_changed_may_change_again() -> None:
    assert judged(np.where(TIMES < 52, 1.0, 1e-7)).settled
    assert not judged(np.where(TIMES < 70, 1.0, 1e-7)).settled


def test_a_loss_that_falls_and_a_network_that_dies_have_not_settled() -> None:
    assert not judged(losses=0.1 * (1 + np.exp(-TIMES / 30))).settled
    spectra = STILL[None] * np.exp(-TIMES / 20)[:, None, None]
    assert not drift(TIMES, np.full(len(TIMES), 0.5), spectra).settled


def test_a_network_that_is_zero_has_settled() -> None:
    assert judged(scale=0.0).settled
    assert judged(scale=1e-9).settled


def test_a_young_run_has_not_settled_however_still_it_is() -> None:
    assert not judged(times=TIMES / 10).settled


def test_only_the_last_half_of_the_time_counts() -> None:
    wild = np.where(TIMES < 49, 1e-3, 1.0)
    assert judged(wild) == judged()
    half = TIMES >= 50
    spectra = np.repeat(STILL[None], int(half.sum()), axis=0)
    assert drift(TIMES[half], np.full(int(half.sum()), 0.1), spectra) == judged()


def test_what_cannot_be_judged_has_not_settled_and_has_no_drift() -> None:
    for found in (
        drift(np.array([0.0]), np.array([0.5]), STILL[None]),
        judged(losses=np.full(len(TIMES), np.nan)),
        judged(times=np.full(len(TIMES), np.inf)),
    ):
        assert not found.settled
        assert math.isnan(found.loss_drift)
        assert math.isnan(found.spectral_drift)
