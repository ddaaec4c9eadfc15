"""The collapsed problem: n samples a class are one sample with n times the weight decay of the features."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.theory import Construction, Problem, explicit_loss, solve
from tests.oracle.theory_cases import cases


def collapsed(problem: Problem) -> Problem:
    """The n = 1 problem of theory sheet section 1."""
    return replace(problem, n=1, lambda_h1=problem.n * problem.lambda_h1)


@given(case=cases())
def test_solution_equals_that_of_the_collapsed_problem(case: tuple[Problem, Construction]) -> None:
    problem, construction = case
    full, single = solve(problem, construction), solve(collapsed(problem), construction)
    assert (full.fit, full.reg) == pytest.approx((single.fit, single.reg), rel=1e-13, abs=0)
    assert full.trivial == single.trivial
    for ours, theirs in zip(full.blocks, single.blocks, strict=True):
        assert ours.scales == pytest.approx(theirs.scales, rel=1e-13, abs=0)


@given(case=cases())
def test_features_are_the_class_means_repeated(case: tuple[Problem, Construction]) -> None:
    problem, construction = case
    solution = solve(problem, construction)
    weights, H_1 = solution.matrices(construction.min_width)
    M_1 = H_1[:, :: problem.n]
    assert np.array_equal(H_1, np.kron(M_1, np.ones((1, problem.n))))
    closed = (solution.fit, solution.reg)
    assert explicit_loss(collapsed(problem), weights, np.ascontiguousarray(M_1)) == pytest.approx(
        closed, rel=1e-10, abs=0
    )


@given(problem=cases().map(lambda case: case[0]), d=st.integers(1, 7), seed=st.integers(0, 999))
def test_any_collapsed_point_has_the_loss_of_the_collapsed_problem(problem: Problem, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(d, d)) for _ in range(problem.L - 1)] + [rng.normal(size=(problem.K, d))]
    M_1 = rng.normal(size=(d, problem.K))
    full = explicit_loss(problem, weights, np.kron(M_1, np.ones((1, problem.n))))
    assert full == pytest.approx(explicit_loss(collapsed(problem), weights, M_1), rel=1e-12, abs=0)
