"""The scales of a solution are at a minimum of the loss, and nothing nearby or far away beats them."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize

from nccli.theory import Construction, Problem, Solution, dnc, graph, parse_graph, solve, srg
from tests.oracle.construction_loss import construction_loss
from tests.oracle.theory_cases import cases

UNEQUAL = (2e-3, 7e-3, 1e-3, 9e-3, 4e-3, 3e-3)


def scales_of(solution: Solution) -> np.ndarray:
    """α_l of each block, one block a row."""
    return np.array([block.scales for block in solution.blocks])


@given(case=cases())
def test_loss_at_the_scales_is_the_closed_form(case: tuple[Problem, Construction]) -> None:
    solution = solve(*case)
    assert construction_loss(*case, scales_of(solution)) == pytest.approx(solution.loss, rel=1e-11, abs=0)


@given(case=cases(), size=st.sampled_from([1e-4, 1e-2, 1.0]), seed=st.integers(0, 999))
def test_no_other_scales_give_less(case: tuple[Problem, Construction], size: float, seed: int) -> None:
    solution = solve(*case)
    scales = scales_of(solution)
    assume(scales.all())
    factors = np.exp(size * np.random.default_rng(seed).normal(size=scales.shape))
    assert construction_loss(*case, scales * factors) >= solution.loss * (1 - 1e-12)


@pytest.mark.parametrize("L", [2, 3, 4, 6])
@pytest.mark.parametrize(
    "construction",
    [dnc(5), srg(10, "blocks"), srg(8, "blocks"), srg(8, "truncated"), graph(parse_graph("square"))],
    ids=lambda construction: construction.label,
)
def test_a_numerical_minimiser_over_all_scales_finds_the_same_loss(construction: Construction, L: int) -> None:
    problem = Problem(construction.K, L, 2, 1e-3, UNEQUAL[:L])
    solution = solve(problem, construction)
    assert not any(block.trivial for block in solution.blocks)
    shape = (len(construction.blocks), L - 1)
    rng = np.random.default_rng(0)
    found = min(
        minimize(
            lambda logs: construction_loss(problem, construction, np.exp(logs).reshape(shape)),
            rng.uniform(0, 2, size=shape).ravel(),
            method="L-BFGS-B",
            options={"ftol": 1e-14, "gtol": 1e-9},
        ).fun
        for _ in range(3)
    )
    assert found == pytest.approx(solution.loss, rel=1e-9, abs=0)


@given(case=cases(), seed=st.integers(0, 999))
def test_no_other_factors_of_the_second_layer_cost_less(case: tuple[Problem, Construction], seed: int) -> None:
    """W_1 G and G⁻¹ H_1 have the same product for any invertible G, and at least the same cost."""
    problem, construction = case
    weights, H_1 = solve(problem, construction).matrices(construction.min_width)
    G = np.eye(len(H_1)) + 0.1 * np.random.default_rng(seed).normal(size=(len(H_1), len(H_1)))
    assume(np.linalg.cond(G) < 1e6)

    def cost(W_1: np.ndarray, features: np.ndarray) -> float:
        return float(problem.lambda_w[0] * np.sum(W_1**2) + problem.lambda_h1 * np.sum(features**2))

    assert cost(weights[0] @ G, np.linalg.solve(G, H_1)) >= cost(weights[0], H_1) * (1 - 1e-12)
