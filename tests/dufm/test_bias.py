"""Biases: autograd's own, from zero, and with the weight decay of their layer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.network import Network
from nccli.dufm.other_steps import OtherSteps
from nccli.dufm.parameters import Parameters
from nccli.dufm.train import train
from nccli.errors import InputError
from tests.oracle.autograd_dufm import OrdinaryDufm

BASE = DufmConfig(3, 3, 4, 5, wd_h1=5e-3, wd_layers=(4e-3, 5e-3, 6e-3), lr=0.1, steps=80, seed=0, dtype="float64")
STEPS = 80


class BiasedDufm(OrdinaryDufm):
    """With b_l for l in `biased`, from zero."""

    def __init__(self, config: DufmConfig) -> None:
        super().__init__(replace(config, bias="none"))
        biased = {"last": [config.L], "all": range(1, config.L + 1)}[config.bias]
        self.b = {layer: torch.zeros(len(self.W[layer - 1]), 1, dtype=torch.float64) for layer in biased}
        for layer, b in self.b.items():
            b.requires_grad_()
            self.optimizer.add_param_group({"params": [b], "weight_decay": config.wd_layers[layer - 1]})

    def fit(self) -> torch.Tensor:
        H = self.H_1
        for layer, W in enumerate(self.W, 1):
            H = W @ H + self.b.get(layer, torch.zeros(1, dtype=torch.float64))
            if layer < self.config.L:
                H = self.sigma[layer - 1](H)
        return (H - self.Y).square().sum() / (2 * self.Y.shape[1])

    def reg(self) -> torch.Tensor:
        return super().reg() + sum(
            self.config.wd_layers[layer - 1] / 2 * b.square().sum() for layer, b in self.b.items()
        )


def expected(model: BiasedDufm) -> list[np.ndarray]:
    """X_1, V_1, …, V_L as a batch has them."""
    weights = [torch.hstack([W, model.b[layer]]) if layer in model.b else W for layer, W in enumerate(model.W, 1)]
    return [p.detach().T.numpy() for p in (model.H_1, *weights)]


@pytest.mark.parametrize("activation", ["relu", "leaky:0.1", "relu-eps"])
@pytest.mark.parametrize(("optimizer", "momentum"), [("gd", 0.0), ("nesterov", 0.8), ("adamw", 0.9)])
@pytest.mark.parametrize("bias", ["last", "all"])
def test_steps_are_those_of_torch_optim(bias: str, optimizer: str, momentum: float, activation: str) -> None:
    way = {"optimizer": optimizer, "momentum": momentum, "lr": 0.02 if optimizer == "adamw" else 0.1}
    epsilon = 0.3 if activation == "relu-eps" else None
    config = replace(BASE, bias=bias, activation=activation, epsilon=epsilon, **way)  # type: ignore[arg-type]
    batch, model = Batch.start([config]), BiasedDufm(config)
    steps = OtherSteps(batch)
    steps.advance(0, STEPS)
    steps.sync()
    for _ in range(STEPS):
        model.step()
    for own, theirs in zip(batch.parameters.all, expected(model), strict=True):
        np.testing.assert_allclose(own[0], theirs, rtol=1e-9, atol=1e-12)
    network = Network(batch)
    assert network.fit()[0] == pytest.approx(model.fit().item(), rel=1e-12)
    assert network.reg()[0] == pytest.approx(model.reg().item(), rel=1e-12)
    for b in model.b.values():
        assert b.abs().max() > 1e-4


def test_the_gradient_norm_has_the_biases() -> None:
    config = replace(BASE, bias="all")
    batch, model = Batch.start([config]), BiasedDufm(config)
    OtherSteps(batch).advance(0, 10)
    for _ in range(10):
        model.step()
    model.optimizer.zero_grad()
    (model.fit() + model.reg()).backward()  # type: ignore[no-untyped-call]
    norm = torch.sqrt(
        sum(p.grad.square().sum() for p in (model.H_1, *model.W, *model.b.values()) if p.grad is not None)
    )
    assert Network(batch).grad_norm()[0] == pytest.approx(norm.item(), rel=1e-10)


def test_class_means_with_biases_step_as_equal_samples() -> None:
    config = replace(BASE, bias="all", optimizer="sgdw", momentum=0.8)
    start = Batch.start([replace(config, n=1)]).parameters
    full = Batch.at([config], Parameters(start.features.repeat(BASE.n, axis=1), start.hidden.copy(), start.last.copy()))
    means = full.collapsed()
    for batch in (full, means):
        steps = OtherSteps(batch)
        steps.advance(0, STEPS)
        steps.sync()
    for one, other in zip(means.parameters.all, full.collapsed().parameters.all, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_a_bias_of_the_last_layer_spares_part_of_the_loss() -> None:
    """The optimum with a bias is no higher: a bias of zero is allowed. Here it is lower."""
    config = replace(BASE, steps=1200, lr=0.4)
    (without,), (with_bias,) = train([config]), train([replace(config, bias="last")])
    assert with_bias.loss < 0.99 * without.loss
    assert {layer: b.shape for layer, b in with_bias.biases.items()} == {3: (3, 1)}


@pytest.mark.parametrize("changes", [{"refine": True}, {"polish": True}, {"bias": "first"}])
def test_what_has_no_sense_with_biases_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="bias"):
        replace(BASE, **{"bias": "all", **changes})  # type: ignore[arg-type]
