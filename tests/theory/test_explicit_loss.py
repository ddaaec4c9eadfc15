"""The loss of explicit matrices is the sum of theory sheet section 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.theory import TRIVIAL_LOSS, Problem, explicit_loss
from tests.oracle.dufm_loss import dufm_loss
from tests.oracle.theory_cases import problems


@given(problem=st.integers(2, 6).flatmap(problems), d=st.integers(1, 8), seed=st.integers(0, 999))
def test_loss_of_random_matrices_equals_the_sum_over_samples(problem: Problem, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(d, d)) for _ in range(problem.L - 1)] + [rng.normal(size=(problem.K, d))]
    features = rng.normal(size=(d, problem.n * problem.K))
    assert explicit_loss(problem, weights, features) == pytest.approx(
        dufm_loss(problem, weights, features), rel=1e-12, abs=0
    )


@pytest.mark.parametrize("n", [1, 3])
def test_the_zero_point_has_loss_one_half_and_no_regularisation(n: int) -> None:
    problem = Problem.uniform(5, 3, 0.01, n)
    weights = [np.zeros((7, 7)), np.zeros((7, 7)), np.zeros((5, 7))]
    assert explicit_loss(problem, weights, np.zeros((7, 5 * n))) == (TRIVIAL_LOSS, 0.0)


def test_samples_of_a_class_lie_next_to_each_other() -> None:
    problem = Problem.uniform(2, 2, 0.01, n=2)
    weights = [np.eye(2), np.eye(2)]
    side_by_side = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    assert explicit_loss(problem, weights, side_by_side)[0] == 0.0
    assert explicit_loss(problem, weights, side_by_side[:, [0, 2, 1, 3]])[0] == 0.5
