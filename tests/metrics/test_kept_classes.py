"""Which classes a network tells apart."""

import numpy as np
import pytest

from nccli.metrics import classes_kept, constant_output, distinct_means, kept_classes
from nccli.theory import Problem, solve_dnc, solve_srg
from tests.oracle.labelled_features import Array

K = 10
ALL = np.eye(K)


def without(classes: list[int]) -> Array:
    """Outputs of a network that gives zero for these classes."""
    output = 0.9 * np.eye(K)
    output[classes] = 0.0
    return output


def test_the_targets_keep_every_class_and_a_constant_or_zero_output_none() -> None:
    assert classes_kept(ALL) == K
    assert not constant_output(ALL)
    for output in (np.zeros((K, K)), np.full((K, K), 1 / K), np.full((K, K), 1 / K) + 1e-3 * ALL):
        assert classes_kept(output) == 0
        assert constant_output(output)


@pytest.mark.parametrize("lost", [[3], [0, 9], list(range(9))])
def test_a_class_whose_output_is_zero_is_lost_and_the_others_are_not(lost: list[int]) -> None:
    kept = kept_classes(without(lost))
    assert [k for k in range(K) if not kept[k]] == lost
    assert not constant_output(without(lost))


def test_two_classes_with_one_output_are_both_lost() -> None:
    output = 0.9 * np.eye(K)
    output[[2, 5]] = output[[2, 5]].mean(axis=0)
    assert [k for k in range(K) if not kept_classes(output)[k]] == [2, 5]


def test_a_class_taken_for_another_is_lost() -> None:
    output = 0.9 * np.eye(K)
    output[1] = output[0]
    assert kept_classes(output).tolist() == [True, False] + [True] * (K - 2)


def test_classes_that_are_one_in_the_last_hidden_layer_are_lost_whatever_the_output() -> None:
    hidden = np.eye(K, 16)
    assert classes_kept(ALL, hidden) == K
    hidden[4] = hidden[6]
    hidden[8] *= 1e-3
    assert [k for k in range(K) if not kept_classes(ALL, hidden)[k]] == [4, 6, 8]
    assert distinct_means(hidden).sum() == K - 3


def test_random_outputs_of_an_untrained_network_are_no_kept_classes_for_their_size() -> None:
    output = np.random.default_rng(0).normal(size=(K, K)) * 0.1
    assert classes_kept(output) < K
    assert classes_kept(1e3 * (1.0 + 1e-3 * ALL)) == 0


@pytest.mark.parametrize("L", [3, 4, 6])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.98])
def test_the_solutions_keep_every_class_up_to_the_decay_at_which_they_vanish(L: int, share: float) -> None:
    """At 98 % of the largest λ with a loss below zero's the outputs are at their smallest."""
    low, high = 1e-6, 1.0
    for _ in range(60):
        middle = (low * high) ** 0.5
        trivial = solve_dnc(Problem(K, L, 1, middle, (middle,) * L)).loss >= 0.5 * (1 - 1e-9)
        low, high = (low, middle) if trivial else (middle, high)
    wd = share * low
    problem = Problem(K, L, 1, wd, (wd,) * L)
    for solution in (solve_dnc(problem), solve_srg(problem)):
        assert solution is not None
        weights, features = solution.matrices(solution.construction.min_width)
        for weight in weights[:-1]:
            features = np.maximum(weight @ features, 0.0)
        assert classes_kept((weights[-1] @ features).T, features.T) == K
