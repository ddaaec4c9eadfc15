"""What decoupled weight decay does and does not: its fixed points, its pace, and NC0 (Zhao et al. 2026)."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from nccli.dufm.config import DufmConfig
from nccli.dufm.optimizers import OPTIMIZERS
from nccli.dufm.train import train
from nccli.metrics.classifier import nc0

K, D, SAMPLES = 4, 6, 40
LR, WD, STEPS = 0.05, 0.1, 400
BASE = DufmConfig(*(3, 3, 2, 6, 1e-2, (1e-2,) * 3), lr=0.1, steps=40_000, seed=0, dtype="float64", activation="linear")


def nc0_on_the_way(optimizer: str, lr: float, momentum: float) -> Iterator[float]:
    """NC0 of a linear classifier of fixed features by softmax regression, at the start and after each step."""
    rng = np.random.default_rng(0)
    features = torch.from_numpy(rng.standard_normal((SAMPLES, D)))
    classes = torch.from_numpy(rng.integers(0, K, SAMPLES))
    way, rate = OPTIMIZERS[optimizer], torch.full((1, 1, 1), lr, dtype=torch.float64)
    V = torch.from_numpy(rng.standard_normal((1, D, K)))
    moments = [torch.zeros_like(V) for _ in range(way.moments)]
    yield nc0(V[0].T.numpy())
    for step in range(STEPS):
        probabilities = torch.softmax(features @ V[0], dim=1) - torch.nn.functional.one_hot(classes, K)
        g = (features.T @ probabilities / SAMPLES)[None] + (0 if way.decoupled else WD * V)
        if way.decoupled:
            V.mul_(1 - lr * WD)
        pace = [1.0, *way.per_step(momentum, np.array([step]))[0].tolist()]
        way.update_(V, lr * g if way.step_in_gradient else g, moments, rate, momentum, pace)
        yield nc0(V[0].T.numpy())


@pytest.mark.parametrize(("optimizer", "momentum"), [("gd", 0.0), ("sgdw", 0.0), ("sgdw", 0.9)])
def test_under_cross_entropy_nc0_is_shrunk_by_weight_decay_alone(optimizer: str, momentum: float) -> None:
    """The gradient's columns add up to zero over classes: only decay moves W_Lᵀ1, by 1 − ηλ a step."""
    found = np.array(list(nc0_on_the_way(optimizer, LR, momentum)))
    np.testing.assert_allclose(found, found[0] * (1 - LR * WD) ** (2 * np.arange(STEPS + 1)), rtol=1e-10)


def test_adamw_does_not_bring_nc0_to_zero_and_sgdw_of_the_same_decay_does() -> None:
    """Adam's sizes undo that the columns add up to zero, and decoupled decay balances them at a distance from it."""
    adamw = list(nc0_on_the_way("adamw", 0.5, 0.9))
    sgdw = list(nc0_on_the_way("sgdw", 0.5, 0.9))
    assert min(adamw[-50:]) > 1e-3 * adamw[0]
    assert max(sgdw[-50:]) < 1e-12 * sgdw[0]


def test_the_end_of_sgdw_is_the_end_of_heavy_ball_with_less_weight_decay() -> None:
    """Fixed points: λp = −u and u = g/(1 − β), so that g + (1 − β)λp = 0."""
    (decoupled,) = train([replace(BASE, optimizer="sgdw", momentum=0.5, wd_h1=2e-2, wd_layers=(2e-2,) * 3)])
    (coupled,) = train([replace(BASE, optimizer="heavy-ball", momentum=0.5)])
    assert coupled.status == "converged"
    assert decoupled.fit == pytest.approx(coupled.fit, rel=1e-5)
    assert decoupled.reg == pytest.approx(2 * coupled.reg, rel=1e-5)


def test_time_constants_of_decoupled_decay_do_not_see_momentum() -> None:
    for optimizer in ("sgdw", "adamw"):
        assert replace(BASE, optimizer=optimizer, momentum=0.9).decay_time == pytest.approx(1 / (0.1 * 1e-2))
