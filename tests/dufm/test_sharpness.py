"""The largest curvature of the loss, against the dense Hessian by autograd."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.measurement import measure
from nccli.dufm.parameters import Parameters
from nccli.dufm.plain import PlainSteps
from nccli.dufm.sharpness import sharpness
from nccli.dufm.train import train
from tests.oracle.autograd_dufm import activation

BASE = DufmConfig(
    K=3, L=3, n=1, width=5, wd_h1=1e-2, wd_layers=(2e-2, 1e-2, 3e-2), lr=0.3, steps=50, seed=1, dtype="float64"
)


def dense_sharpness(batch: Batch, n: int) -> float:
    """Largest eigenvalue in size of the Hessian of the n-sample loss on collapsed features: means scaled by √n.

    In that scale ‖H_1‖_F is the norm of the unknown, as it is for the n samples.
    """
    config = batch.configs[0]
    shapes = [(config.K, config.width), *[(config.width, config.width)] * (config.L - 1), (config.width, config.K)]
    arrays = [p[0] for p in batch.parameters.all]
    flat = torch.from_numpy(np.concatenate([(arrays[0] * n**0.5).ravel(), *(a.ravel() for a in arrays[1:])]))

    def loss(x: torch.Tensor) -> torch.Tensor:
        X, *V = (part.reshape(shape) for part, shape in zip(x.split([a * b for a, b in shapes]), shapes, strict=True))
        wd = (config.wd_h1, *config.wd_layers)
        reg = sum(w / 2 * p.square().sum() for w, p in zip(wd, (X, *V), strict=True))
        h = X / n**0.5
        for layer, v in enumerate(V[:-1], 2):
            h = activation(config, layer)(h @ v)
        return (h @ V[-1] - torch.eye(config.K)).square().sum() / (2 * config.K) + reg

    return float(torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, flat)).abs().max())


def loss_at_the_end(batch: Batch) -> float:
    """After all steps of the budget."""
    steps = PlainSteps(batch, 1)
    steps.advance(0, batch.configs[0].steps)
    steps.sync()
    measured = measure(batch)
    return float(measured.fit[0] + measured.reg[0])


@pytest.mark.parametrize("name", ["relu", "linear", "relu-last"])
@pytest.mark.parametrize("n", [1, 4])
def test_it_is_the_largest_eigenvalue_of_the_hessian_of_the_whole_problem(name: str, n: int) -> None:
    config = replace(BASE, activation=name, n=n)
    batch = Batch.start([replace(config, seed=s) for s in range(4)]).collapsed()
    expected = [dense_sharpness(batch.select([i]), n) for i in range(4)]
    assert sharpness(batch) == pytest.approx(expected, rel=2e-2)


def test_descent_is_stable_just_below_two_over_the_sharpness_and_not_just_above() -> None:
    config = replace(BASE, activation="linear", steps=4000, tol=0.0)
    (end,) = train([config])
    hidden = np.stack([W.T for W in end.weights[:-1]])[:, None]
    point = Parameters(end.layers[0].class_means[None], hidden, end.weights[-1].T[None])
    (h,) = sharpness(Batch.at([config], point))
    assert np.isfinite(h)
    losses = {}
    for share in (0.95, 1.1):
        start = Batch.at([replace(config, lr=share * 2 / h, steps=300)], point.each(lambda a: a + 1e-5))
        losses[share] = loss_at_the_end(start)
    assert losses[0.95] == pytest.approx(end.loss, abs=1e-9)
    assert losses[1.1] > end.loss + 1e-5


def test_the_zero_network_is_curved_by_weight_decay_alone() -> None:
    config = BASE
    zero = Batch.at([config], Batch.start([config]).parameters.each(np.zeros_like))
    assert sharpness(zero) == pytest.approx([3e-2])


def test_a_run_that_diverged_has_none() -> None:
    start = Batch.start([BASE, replace(BASE, seed=2)])
    start.parameters.last[0] = np.inf
    found = sharpness(start)
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(sharpness(start.select([1]))[0])
