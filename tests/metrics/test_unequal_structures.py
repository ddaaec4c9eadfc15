"""Classes of unequal sizes: which are lost, and structures up to the lengths of their means."""

import numpy as np
import pytest

from nccli.metrics import classes_kept, measure_layers, ridge_output, run_outcome, singular_values
from nccli.metrics.kept_classes import minority_collapse
from nccli.metrics.outcome import LayerFindings
from nccli.metrics.weighted_structure import weighted_structure
from nccli.theory import Problem, unequal_dnc, unequal_srg

SIZES = np.array([100, 100, 100, 10, 10])


def lost(*classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Output and class means of H_L of a network that gives zero for these classes."""
    output = 0.9 * np.eye(5)
    output[list(classes)] = 0.0
    return output, output.copy()


def name(means: np.ndarray) -> str:
    return weighted_structure(means, singular_values(means)).name


@pytest.mark.parametrize(
    ("classes", "found"),
    [((3, 4), 1), ((3,), 1), ((2, 3, 4), 1), ((0,), 0), ((0, 3), 0), ((), 0), ((0, 1, 2, 3, 4), 0), ((0, 3, 4), 1)],
)
def test_the_minority_has_collapsed_where_none_smaller_than_a_lost_class_is_kept(
    classes: tuple[int, ...], found: int
) -> None:
    """Class 0 is as large as any that is kept: with it and the small ones lost, none that is kept is smaller."""
    assert minority_collapse(*lost(*classes), SIZES) == found


def test_two_small_classes_with_one_mean_have_collapsed() -> None:
    output, means = lost()
    output[[3, 4]], means[[3, 4]] = output[[3, 4]].mean(axis=0), means[[3, 4]].mean(axis=0)
    assert minority_collapse(output, means, SIZES) == 1


def test_the_outcome_comes_before_lost_classes() -> None:
    layer = LayerFindings(3, "none")
    for minority, wanted in ((True, "minority_collapse"), (False, "lost_classes")):
        found = run_outcome(5, [layer, layer], layer, 3, minority=minority)
        assert found is not None
        assert found.name == wanted


def test_it_is_measured_where_sizes_are_given_and_nowhere_else() -> None:
    _, means = lost(3, 4)
    stages, weights = [(1, "post", means)], [np.eye(5)]
    (told,) = measure_layers(stages, np.arange(5), weights, sizes=tuple(SIZES.tolist()))
    (untold,) = measure_layers(stages, np.arange(5), weights)
    assert (told.classes_kept, told.minority_collapse) == (3, 1)
    assert untold.minority_collapse is None


def test_the_linear_optimum_is_dnc_but_for_its_lengths_and_srg_with_weights_is_srg_but_for_them() -> None:
    problem = Problem(10, 4, 1, 1e-3 * 10 / 550, (1e-3,) * 4, counts=(100,) * 5 + (10,) * 5)
    for solution, wanted in ((unequal_dnc(problem), "dnc"), (unequal_srg(problem)["blocks"], "srg t(5)")):
        weights, H_1 = solution.matrices(12)
        hidden = H_1[:, problem.first_samples]
        for W in weights[:2]:
            hidden = W @ hidden
            assert name(hidden.T) == f"weighted {wanted}"


def test_means_of_one_length_keep_their_plain_name_and_noise_has_none() -> None:
    rng = np.random.default_rng(0)
    assert name(np.eye(10)) == "dnc"
    assert name(np.eye(10) + 0.02 * rng.normal(size=(10, 10))) == "dnc"
    assert name(rng.normal(size=(10, 10))) == "none"
    assert name(np.diag([1.0] * 5 + [0.0] * 5)) == "none"


def test_one_direction_of_all_means_is_no_structure_of_weights() -> None:
    assert "weighted" not in name(np.outer([1.0, 2.0, 5.0, 9.0], np.ones(4)))


def test_the_ridge_regressor_weighs_classes_by_their_samples() -> None:
    problem = Problem(10, 4, 1, 1e-3 * 10 / 550, (1e-3,) * 4, counts=(100,) * 5 + (10,) * 5)
    weights, H_1 = unequal_dnc(problem).matrices(10)
    hidden = H_1[:, problem.first_samples]
    for W in weights[:-1]:
        hidden = W @ hidden
    output = ridge_output(hidden.T, 1e-3, problem.class_sizes)
    assert output == pytest.approx((weights[-1] @ hidden).T, abs=1e-9)
    assert classes_kept(output, hidden.T) == 10
