"""The hand-written gradients and steps against autograd in float64."""

import numpy as np
import pytest
import torch

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.config_rules import ACTIVATIONS
from nccli.dufm.engine import Engine
from nccli.dufm.network import Network
from nccli.dufm.plain import PlainSteps
from tests.oracle.autograd_dufm import OrdinaryDufm


def config(activation: str, L: int, seed: int, n: int = 3, **changes: float) -> DufmConfig:
    return DufmConfig(
        K=4,
        L=L,
        n=n,
        width=7,
        wd_h1=2e-3 * (1 + seed),
        wd_layers=tuple(1e-3 * (2 + seed + layer) for layer in range(L)),
        lr=0.1 * (1 + seed),
        steps=100,
        seed=seed,
        dtype="float64",
        activation=activation,
        epsilon=0.3 if activation == "relu-eps" else None,
        **changes,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("arrays", ["numpy", "torch"])
@pytest.mark.parametrize("L", [2, 3, 5])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_equal_autograd(activation: str, L: int, arrays: str) -> None:
    configs = [config(activation, L, seed, init_scale=2.0) for seed in range(3)]
    batch = Batch.start(configs)
    weights, features = Network(batch if arrays == "numpy" else Engine.of(batch).batch).gradients()
    for run, each in enumerate(configs):
        model = OrdinaryDufm(each)
        (model.fit() + model.reg()).backward()  # type: ignore[no-untyped-call]
        assert model.H_1.grad is not None
        torch.testing.assert_close(torch.as_tensor(features[run].T), model.H_1.grad, rtol=1e-12, atol=1e-14)
        for V, W in zip(weights, model.W, strict=True):
            torch.testing.assert_close(torch.as_tensor(V[run].T), W.grad, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_loss_and_gradient_norm_equal_autograd(activation: str) -> None:
    configs = [config(activation, 4, seed) for seed in range(2)]
    network = Network(Batch.start(configs))
    for run, each in enumerate(configs):
        model = OrdinaryDufm(each)
        (model.fit() + model.reg()).backward()  # type: ignore[no-untyped-call]
        norm = torch.sqrt(sum(p.grad.square().sum() for p in (model.H_1, *model.W) if p.grad is not None))
        assert network.fit()[run] == pytest.approx(model.fit().item(), rel=1e-13)
        assert network.reg()[run] == pytest.approx(model.reg().item(), rel=1e-13)
        assert network.grad_norm()[run] == pytest.approx(norm.item(), rel=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_two_hundred_steps_equal_sgd(activation: str) -> None:
    configs = [config(activation, 4, seed) for seed in range(3)]
    batch = Batch.start(configs)
    models = [OrdinaryDufm(each) for each in configs]
    PlainSteps(batch).advance(0, 200)
    for run, model in enumerate(models):
        for _ in range(200):
            model.step()
        np.testing.assert_allclose(batch.parameters.features[run].T, model.H_1.detach(), rtol=1e-10, atol=1e-12)
        for V, W in zip(batch.parameters.hidden[:, run], model.W[:-1], strict=True):
            np.testing.assert_allclose(V.T, W.detach(), rtol=1e-10, atol=1e-12)


def test_a_step_allocates_no_tensor() -> None:
    engine = Engine.of(Batch.start([config("relu", 4, seed) for seed in range(3)]))
    with torch.no_grad():
        engine.step()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
            for _ in range(3):
                engine.step()
    allocated = {e.key: e.self_cpu_memory_usage for e in profile.key_averages() if e.self_cpu_memory_usage > 0}
    assert allocated == {}


def test_relu_eps_is_definition_7() -> None:
    """0 below 0, the identity above ε, continuously differentiable, with derivative in (0, 4/3] between."""
    from nccli.dufm.buffered_activation import ReluEps

    z = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    sigma = ReluEps(0.25, z)
    value = z.clone()
    sigma.forward_(value)
    slope = torch.ones_like(z)
    sigma.backward_(slope, value)
    assert torch.equal(value[z <= 0], torch.zeros_like(value[z <= 0]))
    torch.testing.assert_close(value[z >= 0.25], z[z >= 0.25], rtol=0, atol=1e-15)
    inside = (z > 0) & (z < 0.25)
    assert (slope[inside] > 0).all()
    assert slope.max() <= 4 / 3 + 1e-12
    numeric = (value[2:] - value[:-2]) / (z[2:] - z[:-2])
    torch.testing.assert_close(slope[1:-1], numeric, rtol=0, atol=2e-3)
