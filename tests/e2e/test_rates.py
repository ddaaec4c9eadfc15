"""Learning rate and λ by step: what rises, rises within its share of the budget and is whole afterwards."""

import numpy as np
import pytest
import torch

from nccli.e2e.rates import WD_START, Rates
from nccli.e2e.train import train_network
from tests.e2e.image_files import config_of, image_set
from tests.oracle.plain_sgd import plain_descent

IMAGES = image_set()


def test_constant_rates_are_exactly_one() -> None:
    assert np.array_equal(Rates("constant").of_steps(7, 5, 100), np.ones((5, 2)))
    assert Rates("constant").mean_decay == 1


def test_the_rate_rises_from_zero_by_equal_amounts_and_then_follows_the_schedule() -> None:
    lr, wd = Rates("linear", lr_rise=0.1).of_steps(0, 100, 100).T
    share = np.arange(100) / 100
    assert lr[:10] == pytest.approx((1 - share[:10]) * np.arange(1, 11) / 10)
    assert lr[10:] == pytest.approx(1 - share[10:])
    assert (wd == 1).all()


def test_decay_rises_by_equal_ratios() -> None:
    lr, wd = Rates("constant", wd_rise=0.5).of_steps(0, 100, 100).T
    assert wd[0] == WD_START
    assert wd[1:50] / wd[:49] == pytest.approx(np.full(49, wd[1] / wd[0]))
    assert wd[50:] == pytest.approx(np.ones(50))
    assert (lr == 1).all()


@pytest.mark.parametrize("rates", [Rates("cosine", 0.2, 0.3), Rates("step", 0.01), Rates("constant", 1.0, 1.0)])
def test_mean_decay_is_the_mean_over_the_budget_of_what_decays(rates: Rates) -> None:
    assert rates.mean_decay == pytest.approx(rates.of_steps(0, 20_000, 20_000).prod(axis=1).mean(), rel=1e-3)


def test_rows_are_the_same_however_they_are_asked_for() -> None:
    rates = Rates("cosine", 0.3, 0.4)
    whole = rates.of_steps(0, 50, 50)
    assert np.array_equal(whole[17:31], rates.of_steps(17, 14, 50))


@pytest.mark.parametrize("reg", ["dufm", "standard"])
def test_a_run_follows_its_rates_and_features_decay_by_them_too(reg: str) -> None:
    config = config_of(IMAGES, reg=reg, steps=12, lr_rise=0.5, wd_rise=0.75, schedule="cosine", clip=0)
    found = train_network(config, IMAGES).model
    for name, tensor in plain_descent(config, IMAGES).state_dict().items():
        torch.testing.assert_close(found[name], tensor, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 1.0])
def test_decay_until_a_share_is_the_sum_of_what_decays_in_the_steps_up_to_it(share: float) -> None:
    rates = Rates("step:0.1@0.8", lr_rise=0.3, wd_rise=0.2)
    until = rates.of_steps(0, 20_000, 20_000).prod(axis=1)[: round(20_000 * share)].sum() / 20_000
    assert rates.decay_until(share) == pytest.approx(until, rel=2e-3, abs=1e-12)
