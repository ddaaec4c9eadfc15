"""Facts of theory.md, section 1, that a trainer must obey."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.parameters import Parameters
from nccli.dufm.plain import PlainSteps
from nccli.dufm.train import train
from nccli.theory import Problem, solve_dnc

BASE = DufmConfig(K=4, L=3, n=1, width=6, wd_h1=4e-3, wd_layers=(4e-3,) * 3, lr=0.2, steps=300, seed=0, dtype="float64")


def advance(batch: Batch, steps: int) -> None:
    PlainSteps(batch).advance(0, steps)


def test_collapsed_features_follow_the_one_sample_problem() -> None:
    """H_1 = M_1 ⊗ 1_nᵀ stays so, and is n = 1 with λ_H = nλ_{H_1} and step η/n on M_1."""
    n, eta = 3, 0.3
    many = replace(BASE, n=n, lr=eta)
    start = Batch.start([BASE]).parameters
    copies = Parameters(start.features.repeat(n, axis=1), start.hidden.copy(), start.last.copy())
    full = Batch.at([many], copies)
    advance(full, 200)
    X = full.parameters.features[0].reshape(BASE.K, n, BASE.width)
    assert (X == X[:, :1]).all()

    M_1, *V = (torch.tensor(array[0], requires_grad=True) for array in start.all)
    for _ in range(200):
        H = M_1
        for matrix in V[:-1]:
            H = torch.relu(H @ matrix)
        loss = (H @ V[-1] - torch.eye(BASE.K, dtype=torch.float64)).square().sum() / (2 * BASE.K)
        loss = loss + n * BASE.wd_h1 / 2 * M_1.square().sum()
        loss = loss + sum(wd / 2 * m.square().sum() for wd, m in zip(BASE.wd_layers, V, strict=True))
        grads = torch.autograd.grad(loss, [M_1, *V])
        with torch.no_grad():
            M_1 -= eta / n * grads[0]
            for matrix, gradient in zip(V, grads[1:], strict=True):
                matrix.sub_(eta * gradient)
    np.testing.assert_allclose(X[:, 0], M_1.detach(), rtol=1e-10, atol=1e-12)
    for trained, matrix in zip(full.parameters.hidden[:, 0], V[:-1], strict=True):
        np.testing.assert_allclose(trained, matrix.detach(), rtol=1e-10, atol=1e-12)


def test_deep_linear_training_reaches_the_dnc_loss() -> None:
    """Dang et al. 2023: the global optimum of the linear model is a DNC-shaped point."""
    configs = [
        DufmConfig(
            K=5, L=4, n=2, width=10, wd_h1=wd, wd_layers=(wd,) * 4, lr=0.3, steps=40_000, seed=seed, activation="linear"
        )
        for wd in (1e-3, 3e-3)
        for seed in (0, 1)
    ]
    for result in train(configs):
        assert result.loss == pytest.approx(solve_dnc(result.config.problem).loss, rel=1e-6)
        assert [layer.rank for layer in result.layers] == [5] * 7
        assert max(layer.dnc1 for layer in result.layers) < 1e-6


def test_loss_is_fit_plus_reg_of_the_measured_point() -> None:
    """With the features' share of reg taken from the measured class means (n = 1)."""
    config = replace(BASE, steps=5000)
    (result,) = train([config])
    assert result.loss == pytest.approx(result.fit + result.reg, rel=1e-12)
    first = next(layer for layer in result.layers if (layer.layer, layer.stage) == (1, "post"))
    assert config.wd_h1 / 2 * np.sum(first.class_means**2) < result.reg
    assert result.loss < 0.5


def test_the_trivial_point_is_where_heavy_weight_decay_leads() -> None:
    """λ so large that zero is the optimum: the run decays to zero and its ranks are 0."""
    config = replace(BASE, wd_h1=0.5, wd_layers=(0.5,) * 3, steps=2000)
    assert solve_dnc(Problem.uniform(4, 3, 0.5)).trivial
    (result,) = train([config])
    assert result.loss == pytest.approx(0.5, abs=1e-9)
    assert [layer.rank for layer in result.layers] == [0] * 5


def test_within_class_differences_die_out_at_the_rate_of_weight_decay() -> None:
    """At the linear fixed point every within-class deviation shrinks at least by (1 − ηλ_{H_1}) a step."""
    config = replace(BASE, n=4, activation="linear", steps=10_000)
    batch = Batch.start([config])
    advance(batch, 4000)

    def deviation() -> float:
        X = batch.parameters.features[0].reshape(config.K, config.n, config.width)
        return float(np.linalg.norm(X - X.mean(axis=1, keepdims=True)))

    before = deviation()
    advance(batch, 500)
    assert deviation() <= before * (1 - config.lr * config.wd_h1) ** 500 * (1 + 1e-9)
