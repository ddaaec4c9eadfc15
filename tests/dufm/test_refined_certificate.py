"""The certificate against PyTorch's own derivatives of the full network, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nccli.dufm.refined import RefinedProblem, certificate

PROBLEM = RefinedProblem(3, 4, 5, (2e-3, 3e-3, 4e-3, 5e-3))


def drawn() -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(0)
    means = rng.standard_normal((5, 3))
    weights = [rng.standard_normal(shape) for shape in ((5, 5), (5, 5), (3, 5))]
    h, slopes = means, []
    for W in weights[:-1]:
        slopes.append(1.0 * (W @ h > 0))
        h = np.maximum(W @ h, 0)
    return means, weights, slopes


def test_away_from_kinks_it_is_the_gradient() -> None:
    means, weights, slopes = drawn()
    parameters = [torch.tensor(p, requires_grad=True) for p in (np.repeat(means, 4, axis=1), *weights)]
    h = parameters[0]
    for W in parameters[1:-1]:
        h = torch.relu(W @ h)
    Y = torch.eye(3, dtype=h.dtype).repeat_interleave(4, 1)
    decay = sum(wd / 2 * p.square().sum() for wd, p in zip(PROBLEM.wd, parameters, strict=True))
    loss = (parameters[-1] @ h - Y).square().sum() / 24 + decay
    gradients = torch.autograd.grad(loss, parameters)
    norm = sum(float(g.square().sum()) for g in gradients) ** 0.5
    scale = sum(float((wd * p.detach()).square().sum()) for wd, p in zip(PROBLEM.wd, parameters, strict=True)) ** 0.5
    found = certificate(PROBLEM, means, weights, slopes)
    assert found.loss == pytest.approx(loss.item(), rel=1e-13)
    assert found.norm == pytest.approx(norm, rel=1e-13)
    assert found.residual == pytest.approx(norm / scale, rel=1e-13)
    assert found.radius == 0
    assert found.kinks == 0


def test_slopes_outside_their_interval_certify_nothing() -> None:
    means, weights, slopes = drawn()
    slopes[0][0, 0] = 1.5
    assert certificate(PROBLEM, means, weights, slopes).radius == np.inf


def test_a_slope_that_is_not_that_of_the_sign_has_a_radius() -> None:
    means, weights, slopes = drawn()
    slopes[1][2, 1] = 0.5
    found = certificate(PROBLEM, means, weights, slopes)
    z = weights[1] @ np.maximum(weights[0] @ means, 0)
    positive = np.concatenate([(weights[0] @ means).ravel(), z.ravel()]).clip(0)
    assert found.radius == pytest.approx(abs(z[2, 1]) / np.sqrt(np.mean(positive[positive > 0] ** 2)))
    assert found.kinks == 1


def test_a_small_residual_with_a_radius_is_no_certificate() -> None:
    means, weights, slopes = drawn()
    found = certificate(PROBLEM, means, weights, slopes)
    assert not found.holds
    assert replace(found, residual=1e-12).holds
    assert not replace(found, residual=1e-12, radius=1e-6).holds


def test_a_linear_layer_has_no_slope_but_one() -> None:
    means, weights, _ = drawn()
    linear = RefinedProblem(3, 4, 5, PROBLEM.wd, "linear")
    assert certificate(linear, means, weights, [np.ones((5, 3))] * 2).radius == 0
    assert certificate(linear, means, weights, [np.full((5, 3), 0.5)] * 2).radius == np.inf
