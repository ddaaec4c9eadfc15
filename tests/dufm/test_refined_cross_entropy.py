"""Refining under the cross-entropy: derivatives, and points that are known in closed form."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from nccli.dufm.refined import RefinedProblem, refine
from nccli.dufm.refined.hessian import hessian
from nccli.dufm.refined.kinks import signs
from nccli.dufm.refined.network import State, reduced

WD = 2.0**-10


@pytest.mark.parametrize("objective", ["mse", "ce"])
@pytest.mark.parametrize("activation", ["linear", "relu", "relu-last"])
def test_derivatives_are_those_of_the_loss(objective: str, activation: str) -> None:
    rng = np.random.default_rng(0)
    problem = RefinedProblem(4, 2, 6, (1e-2, 2e-2, 1e-2, 3e-2), activation, objective)
    weights = [rng.normal(size=(6, 6)) / 2, rng.normal(size=(6, 6)) / 2, rng.normal(size=(4, 6)) / 2]
    network, x = reduced(problem, rng.normal(size=(6, 4)), weights)

    def state(x: np.ndarray) -> State:
        point = network.forward(x)
        return network.backward(point, [1.0 * s for s in signs(network, point)])

    here, H, e = state(x), hessian(network, state(x)).matrix, 1e-6
    for i in rng.choice(network.size, 15, replace=False):
        step = e * np.eye(network.size)[i]
        slope = (network.loss(x + step) - network.loss(x - step)) / (2 * e)
        assert here.gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-7 * abs(here.gradient).max())
        change = (state(x + step).gradient - state(x - step).gradient) / (2 * e)
        np.testing.assert_allclose(H[i], change, atol=1e-7 * np.abs(H).max())


def pairs_loss(K: int, L: int, wd: float, n: int = 1) -> tuple[float, float]:
    """Loss and β of logits of blocks β[[1, −1], [−1, 1]] in a linear network, and all its factors balanced.

    Singular values 2β, K/2 of them: the regularisation is (L+1)/2 Λ^{1/(L+1)} Σ s^{2/(L+1)}, Λ = n λ^{L+1}.
    """

    def loss(b: float) -> float:
        fit = math.log(math.exp(b) + math.exp(-b) + K - 2) - b
        return fit + (L + 1) / 2 * (n * wd ** (L + 1)) ** (1 / (L + 1)) * K / 2 * (2 * b) ** (2 / (L + 1))

    found = minimize_scalar(loss, bounds=(1, 30), method="bounded", options={"xatol": 1e-12})
    return float(found.fun), float(found.x)


@pytest.mark.parametrize(("K", "L", "n"), [(6, 2, 1), (6, 2, 3), (4, 3, 1)])
def test_opposite_pairs_of_a_linear_network_are_certified_at_their_closed_form(K: int, L: int, n: int) -> None:
    """From a rough copy of them, with noise that breaks every symmetry."""
    loss, b = pairs_loss(K, L, WD, n)
    rng, d, half = np.random.default_rng(1), K, K // 2
    U = np.kron(np.eye(half), np.array([[1.0], [-1.0]])) / math.sqrt(2)
    size = (2 * b) ** (1 / (L + 1))
    means = np.zeros((d, K))
    means[:half] = size * n ** (-1 / 2 + 1 / (2 * (L + 1))) * U.T
    hidden = [np.diag([size] * half + [0.0] * (d - half)) * n ** (1 / (2 * (L + 1))) for _ in range(L - 1)]
    last = np.zeros((K, d))
    last[:, :half] = size * n ** (1 / (2 * (L + 1))) * U
    start = [W + 0.01 * rng.normal(size=W.shape) for W in (means, *hidden, last)]
    problem = RefinedProblem(K, n, d, (WD,) * (L + 1), "linear", "ce")
    found = refine(problem, start[0], start[1:])
    assert found is not None
    assert found.certified
    assert found.loss == pytest.approx(loss, abs=1e-11)


def test_a_class_without_features_still_counts_in_the_outputs_of_the_others() -> None:
    """Under the squared error it would cost ½/K and be left out; here the others' logits against it matter."""
    rng, K, d = np.random.default_rng(2), 4, 5
    means = rng.normal(size=(d, K))
    means[:, 0] = 0
    weights = [rng.normal(size=(d, d)) / 2, rng.normal(size=(K, d))]
    problem = RefinedProblem(K, 1, d, (1e-2,) * 3, "relu", "ce")
    found = refine(problem, means, weights)
    assert found is not None
    H = np.maximum(found.weights[0] @ found.means, 0)
    Z = found.weights[1] @ H
    reg = 0.5e-2 * sum(float((W**2).sum()) for W in (found.means, *found.weights))
    fit = float(np.mean(np.log(np.exp(Z).sum(axis=0)) - np.diag(Z)))
    assert found.loss == pytest.approx(fit + reg, rel=1e-12)
    assert found.loss <= math.log(K)
