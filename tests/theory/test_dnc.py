"""Deep neural collapse (Definition 10): orthogonal class means, a stationary point, a threshold."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nccli.theory import Problem, dnc, solve_dnc
from tests.oracle.dnc_scalar import dnc_loss, dnc_threshold
from tests.oracle.dufm_loss import forward
from tests.oracle.theory_cases import problems


@given(problem=st.integers(2, 40).flatmap(problems))
def test_loss_is_a_minimum_over_the_diagonal_of_the_output(problem: Problem) -> None:
    assert solve_dnc(problem).loss == pytest.approx(dnc_loss(problem), rel=1e-12, abs=0)


def test_every_layer_is_an_orthogonal_frame() -> None:
    weights, H_1 = solve_dnc(Problem(6, 4, 1, 2e-3, (1e-3, 4e-3, 2e-3, 3e-3))).matrices(8)
    for _, _, means in forward(weights, H_1):
        gram = means.T @ means
        assert gram == pytest.approx(gram[0, 0] * np.eye(6), abs=1e-13 * gram[0, 0])
    assert dnc(6).min_width == 6


@pytest.mark.parametrize("L", [2, 3, 5])
@pytest.mark.parametrize("n", [1, 3])
def test_gradient_vanishes_at_dnc(L: int, n: int) -> None:
    problem = Problem(5, L, n, 1e-3, (2e-3, 5e-3, 1e-3, 4e-3, 3e-3)[:L])
    solution = solve_dnc(problem)
    assert not solution.trivial
    matrices, features = solution.matrices(7)
    weights = [torch.tensor(W, requires_grad=True) for W in matrices]
    H_1 = torch.tensor(features, requires_grad=True)
    hidden = H_1
    for W in weights[:-1]:
        hidden = torch.relu(W @ hidden)
    target = torch.eye(5, dtype=torch.float64).repeat_interleave(n, dim=1)
    loss = ((weights[-1] @ hidden - target) ** 2).sum() / (2 * n * 5) + problem.lambda_h1 / 2 * (H_1**2).sum()
    loss = loss + sum(decay / 2 * (W**2).sum() for decay, W in zip(problem.lambda_w, weights, strict=True))
    loss.backward()
    for point in (*weights, H_1):
        assert point.grad is not None
        assert float(point.grad.abs().max()) < 1e-13
        assert float(point.detach().abs().max()) > 0.1


@pytest.mark.parametrize("L", [2, 3, 4, 7])
@pytest.mark.parametrize("K", [2, 10, 45, 1000])
def test_dnc_turns_trivial_at_its_threshold(K: int, L: int) -> None:
    threshold = dnc_threshold(K, L)
    below = solve_dnc(Problem.uniform(K, L, threshold * (1 - 1e-9)))
    above = solve_dnc(Problem.uniform(K, L, threshold * (1 + 1e-9)))
    assert not below.trivial
    assert 0.49999 < below.loss < 0.5
    assert above.trivial
    assert above.loss == 0.5 < above.nontrivial_loss < 0.50001
