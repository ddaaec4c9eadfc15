"""Closed-form spectra of every layer and stage are those of the explicit class means."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nccli.metrics import numerical_rank
from nccli.theory import Construction, Problem, Solution, solve, solve_dnc, srg
from tests.oracle.dufm_loss import forward
from tests.oracle.theory_cases import cases


def explicit_spectra(solution: Solution, width: int) -> dict[tuple[int, str], np.ndarray]:
    """Singular values of the d × K class means of each layer and stage, padded to K with zeros."""
    weights, H_1 = solution.matrices(width)
    n, K = solution.problem.n, solution.problem.K
    spectra = {}
    for layer, stage, features in forward(weights, H_1):
        means = np.stack([features[:, k * n : (k + 1) * n].mean(axis=1) for k in range(K)], axis=1)
        values = np.linalg.svd(means, compute_uv=False)
        spectra[layer, stage] = np.pad(values, (0, K - values.size))
    return spectra


@settings(max_examples=100)
@given(case=cases(), spare=st.integers(0, 3))
def test_singular_values_equal_those_of_the_explicit_class_means(
    case: tuple[Problem, Construction], spare: int
) -> None:
    solution = solve(*case)
    for (layer, stage), values in explicit_spectra(solution, case[1].min_width + spare).items():
        closed = solution.singular_values(layer, stage)
        assert closed.shape == (case[0].K,)
        assert np.all(np.diff(closed) <= 0)
        assert closed == pytest.approx(values, abs=1e-12 * max(1.0, values[0])), (layer, stage)


@pytest.mark.parametrize("r", [4, 5, 6])
def test_ranks_of_an_srg_solution_by_layer(r: int) -> None:
    """r up to the last layer, K after its ReLU; for r = 4 the last pre-activation loses one more."""
    K = r * (r - 1) // 2
    solution = solve(Problem.uniform(K, 4, 1e-3), srg(K, "blocks"))
    ranks = {where: int(numerical_rank(values)) for where, values in explicit_spectra(solution, K).items()}
    last = r if r > 4 else r - 1
    assert ranks == {
        (1, "post"): r,
        (2, "pre"): r,
        (2, "post"): r,
        (3, "pre"): r,
        (3, "post"): r,
        (4, "pre"): last,
        (4, "post"): K,
    }
    assert solution.rank == r


def test_all_ranks_of_dnc_are_K() -> None:
    solution = solve_dnc(Problem.uniform(7, 5, 1e-3))
    assert {int(numerical_rank(values)) for values in explicit_spectra(solution, 7).values()} == {7}
    assert solution.rank == 7


def test_the_first_layer_is_balanced_with_the_second() -> None:
    """λ_{W_1} ‖W_1‖² = λ_{H_1} ‖H_1‖²."""
    problem = Problem(5, 3, 4, 3e-4, (2e-3, 1e-3, 4e-3))
    weights, H_1 = solve_dnc(problem).matrices(6)
    weight_cost = problem.lambda_w[0] * np.sum(weights[0] ** 2)
    assert weight_cost == pytest.approx(problem.lambda_h1 * np.sum(H_1**2), rel=1e-13, abs=0)
