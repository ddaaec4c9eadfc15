"""The closed-form loss of every construction is the loss of its explicit matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nccli.theory import Construction, Problem, explicit_loss, solve
from tests.oracle.dufm_loss import dufm_loss
from tests.oracle.theory_cases import cases


def test_fit_and_reg_equal_those_of_the_explicit_matrices() -> None:
    trivial = []

    @settings(max_examples=250)
    @given(case=cases(), spare=st.integers(0, 5))
    def check(case: tuple[Problem, Construction], spare: int) -> None:
        problem, construction = case
        solution = solve(problem, construction)
        weights, H_1 = solution.matrices(construction.min_width + spare)
        closed = (solution.fit, solution.reg)
        assert explicit_loss(problem, weights, H_1) == pytest.approx(closed, rel=1e-10, abs=0)
        assert dufm_loss(problem, weights, H_1) == pytest.approx(closed, rel=1e-10, abs=0)
        trivial.append(solution.trivial)

    check()
    assert 0.05 < np.mean(trivial) < 0.4, "most points must not be trivial, and some must be"


@given(case=cases(), spare=st.integers(0, 5))
def test_shapes_are_those_of_the_model(case: tuple[Problem, Construction], spare: int) -> None:
    problem, construction = case
    d = construction.min_width + spare
    weights, H_1 = solve(problem, construction).matrices(d)
    assert [W.shape for W in weights] == [(d, d)] * (problem.L - 1) + [(problem.K, d)]
    assert H_1.shape == (d, problem.n * problem.K)


@given(case=cases())
def test_loss_is_fit_plus_reg_and_at_most_one_half(case: tuple[Problem, Construction]) -> None:
    solution = solve(*case)
    assert solution.loss == solution.fit + solution.reg
    assert 0 < solution.loss <= 0.5
    assert solution.fit > 0
    assert (solution.reg == 0) == solution.trivial
