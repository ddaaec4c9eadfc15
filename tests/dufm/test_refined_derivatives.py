"""Derivatives of the reduced problem against differences."""

import numpy as np
import pytest

from nccli.dufm.refined.hessian import hessian, jacobian
from nccli.dufm.refined.kinks import Kinks, flat, signs, state
from nccli.dufm.refined.network import Network
from nccli.dufm.refined.problem import RefinedProblem
from nccli.dufm.refined.retraction import Retraction

STEP = 1e-6
CASES = [("relu", 4), ("relu-last", 3), ("linear", 2), ("relu", 2)]


def drawn(activation: str, L: int) -> tuple[Network, np.ndarray, Kinks]:
    rng = np.random.default_rng(L)
    problem = RefinedProblem(4, 3, 9, tuple(rng.uniform(0.01, 0.05, L + 1)), activation)
    network = Network(problem, 3, [5, 6, 7][: L - 1], [rng.standard_normal((4, 3)) / 2 for _ in range(L)])
    x = rng.standard_normal(network.size) / 2
    point = network.forward(x)
    M = [rng.standard_normal(z.shape) * (rng.random(z.shape) < 0.2) * has for z, has in _hidden(network, point.hidden)]
    return network, x, Kinks([np.zeros(z.shape, bool) for z in point.hidden], M, signs(network, point))


def _hidden(network: Network, hidden: list[np.ndarray]) -> list[tuple[np.ndarray, bool]]:
    return list(zip(hidden, network.problem.has_relu, strict=True))


def differences(function, x: np.ndarray) -> np.ndarray:
    rows = [(function(x + STEP * d) - function(x - STEP * d)) / (2 * STEP) for d in np.eye(len(x))]
    return np.array(rows)


@pytest.mark.parametrize(("activation", "L"), CASES)
def test_the_gradient_is_that_of_the_loss(activation: str, L: int) -> None:
    network, x, kinks = drawn(activation, L)
    free = Kinks(kinks.held, [np.zeros_like(m) for m in kinks.M], kinks.on)
    found = state(network, network.forward(x), free).gradient
    np.testing.assert_allclose(found, differences(network.loss, x), atol=1e-6 * np.abs(found).max())


@pytest.mark.parametrize(("activation", "L"), CASES)
def test_the_hessian_is_that_of_the_gradient_with_forces_held(activation: str, L: int) -> None:
    network, x, kinks = drawn(activation, L)
    found = hessian(network, state(network, network.forward(x), kinks)).matrix
    expected = differences(lambda y: state(network, network.forward(y), kinks).gradient, x)
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("activation", "L"), CASES[:2])
def test_the_jacobian_is_that_of_the_pre_activations(activation: str, L: int) -> None:
    network, x, kinks = drawn(activation, L)
    masks = [m != 0 for m in kinks.M]
    s = state(network, network.forward(x), kinks)
    found = jacobian(network, s, hessian(network, s), masks)
    expected = differences(lambda y: flat(masks, network.forward(y).hidden), x).T
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_to_first_order_a_retraction_is_the_step_itself() -> None:
    network, x, kinks = drawn("relu", 4)
    s = state(network, network.forward(x), kinks)
    go = Retraction(network, x, s.point, hessian(network, s).grams)
    p = np.random.default_rng(7).standard_normal(network.size)
    first = np.linalg.norm(go(1e-4 * p) - x - 1e-4 * p)
    second = np.linalg.norm(go(1e-5 * p) - x - 1e-5 * p)
    assert second < first / 50
