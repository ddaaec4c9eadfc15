"""More classes than neurons: the optimum of linear networks, in closed form and by descent."""

import numpy as np
import pytest

from nccli.dufm.config import DufmConfig
from nccli.dufm.train import train
from nccli.errors import InputError
from nccli.theory import Problem, explicit_loss, solve, solve_dnc, solve_kind
from nccli.theory.frame import frame


def problem(K: int, objective: str = "mse", n: int = 2) -> Problem:
    return Problem(K, 3, n, 1e-3, (1e-3, 2e-3, 1e-3), objective, linear=True)


@pytest.mark.parametrize("objective", ["mse", "ce"])
@pytest.mark.parametrize(("K", "rank"), [(8, 3), (8, 2), (9, 4), (9, 1), (6, 6), (7, 7), (6, 5)])
def test_the_closed_form_is_the_loss_of_its_matrices(objective: str, K: int, rank: int) -> None:
    there = problem(K, objective)
    solution = solve(there, frame(K, rank))
    weights, features = solution.matrices(rank)
    assert sum(explicit_loss(there, weights, features)) == pytest.approx(solution.loss, abs=1e-12)


@pytest.mark.parametrize(("K", "rank"), [(8, 3), (9, 4), (7, 2), (6, 6)])
def test_each_lost_direction_costs_half_a_class(K: int, rank: int) -> None:
    """Singular values of the output pay for themselves under the squared error."""
    T, _ = frame(K, rank).blocks[0].matrices()
    np.testing.assert_allclose(T @ T.T, np.eye(rank), atol=1e-12)
    np.testing.assert_allclose((T**2).sum(axis=0), rank / K, atol=1e-12)
    expected = rank / K * solve_dnc(problem(K)).loss + (K - rank) / (2 * K)
    assert solve(problem(K), frame(K, rank)).loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("K", "width", "objective"), [(6, 3, "mse"), (5, 2, "mse"), (7, 2, "ce")])
def test_descent_of_a_narrow_linear_network_reaches_it(K: int, width: int, objective: str) -> None:
    """Under cross-entropy the plane has a regular polygon of logits."""
    config = DufmConfig(K, 3, 1, width, 1e-3, (1e-3,) * 3, 0.5, 40_000, 0, "float64", "linear", objective=objective)
    (found,) = train([config])
    solution = solve_kind(config.problem if objective == "ce" else problem_of(config), "frame", {"rank": width})
    assert found.loss == pytest.approx(solution.loss, rel=1e-6)
    (hidden,) = (layer for layer in found.layers if (layer.layer, layer.stage) == (2, "post"))
    assert hidden.structure.name == ("polygon" if objective == "ce" else "tight frame")
    assert hidden.structure.distance < 1e-3


def problem_of(config: DufmConfig) -> Problem:
    """With closed forms of linear networks, which under the squared error others need not ask for."""
    there = config.problem
    return Problem(there.K, there.L, there.n, there.lambda_h1, there.lambda_w, linear=True)


def test_what_is_no_frame_is_refused() -> None:
    for rank in (0, 7):
        with pytest.raises(InputError, match=f"rank = {rank}"):
            frame(6, rank)
    with pytest.raises(InputError, match="--activation linear"):
        solve_kind(Problem.uniform(6, 3, 1e-3), "frame", {"rank": 2})
