"""All metrics of all layers, on constructions whose answers are known."""

from math import comb

import numpy as np
import pytest

from nccli.metrics import LayerMetrics, class_means, dnc1, dnc2, dnc3, effective_rank, measure_layers, singular_values
from nccli.theory import Problem, Solution, solve, solve_dnc, srg
from tests.oracle.dufm_loss import forward


def measured(solution: Solution, width: int) -> list[LayerMetrics]:
    """Metrics of the explicit point."""
    weights, H_1 = solution.matrices(width)
    labels = np.repeat(np.arange(solution.problem.K), solution.problem.n)
    stages = [(layer, stage, features.T) for layer, stage, features in forward(weights, H_1)]
    return measure_layers(stages, labels, weights)


def test_layers_and_stages_come_in_the_order_given() -> None:
    found = [(m.layer, m.stage) for m in measured(solve_dnc(Problem.uniform(5, 3, 1e-3)), 6)]
    assert found == [(1, "post"), (2, "pre"), (2, "post"), (3, "pre"), (3, "post")]


@pytest.mark.parametrize("L", [2, 4])
def test_dnc_is_collapsed_in_every_layer(L: int) -> None:
    for layer in measured(solve_dnc(Problem.uniform(6, L, 2e-3)), 8):
        assert layer.rank == 6
        assert layer.dnc1 == 0.0
        assert layer.dnc2 == pytest.approx(1, rel=1e-13, abs=0)
        assert layer.effective_rank == pytest.approx(6, rel=1e-13, abs=0)
        assert layer.stable_rank == pytest.approx(6, rel=1e-13, abs=0)
        assert (layer.dnc3 is None) == (layer.stage == "pre")
        if layer.dnc3 is not None:
            assert layer.dnc3 == pytest.approx(0, abs=1e-13)
        assert layer.gram == pytest.approx(layer.gram[0, 0] * np.eye(6), abs=1e-13 * layer.gram[0, 0])


@pytest.mark.parametrize("r", [4, 5, 6])
def test_srg_has_rank_r_until_the_last_relu(r: int) -> None:
    K = comb(r, 2)
    for layer in measured(solve(Problem.uniform(K, 4, 1e-3), srg(K, "blocks")), K + 1):
        if (layer.layer, layer.stage) == (4, "post"):
            assert layer.rank == K
            assert layer.dnc2 < 10
        else:
            assert layer.rank == (r - 1 if (r, layer.layer) == (4, 4) else r)
            assert layer.dnc2 == np.inf
        assert layer.dnc1 == 0.0


def test_gram_matrix_of_srg_is_that_of_the_triangular_graph() -> None:
    """TᵀT ∝ 2I + A: two classes are orthogonal where their edges are disjoint."""
    layers = {(m.layer, m.stage): m for m in measured(solve(Problem.uniform(10, 4, 1e-3), srg(10, "blocks")), 10)}
    gram = 2 * layers[3, "post"].gram / layers[3, "post"].gram[0, 0]
    assert np.unique(gram.round(12)).tolist() == [0, 1, 2]
    assert np.sum(gram.round() == 1, axis=1).tolist() == [6] * 10


def test_spectra_are_those_of_the_solution() -> None:
    solution = solve(Problem.uniform(10, 4, 1e-3), srg(10, "blocks"))
    for layer in measured(solution, 10)[1:]:
        closed = solution.singular_values(layer.layer, layer.stage)
        assert layer.singular_values == pytest.approx(closed, abs=1e-13 * closed[0])
        assert layer.nuclear_norm == pytest.approx(closed.sum(), rel=1e-13, abs=0)


@pytest.mark.parametrize("n", [2, 5])
def test_repeated_samples_are_collapsed_up_to_rounding(n: int) -> None:
    for layer in measured(solve(Problem.uniform(6, 3, 1e-4, n), srg(6, "blocks")), 6):
        assert 0 <= layer.dnc1 < 1e-29


def test_each_number_is_that_of_its_own_function() -> None:
    rng = np.random.default_rng(0)
    labels = np.array([0, 2, 1, 1, 0, 2, 2])
    weights = [rng.normal(size=(5, 5)), rng.normal(size=(3, 5))]
    stages = [(1, "post", rng.normal(size=(7, 5))), (2, "pre", rng.normal(size=(7, 5))), (2, "post", np.eye(7)[:, :5])]
    for (layer, stage, features), found in zip(stages, measure_layers(stages, labels, weights), strict=True):
        means = class_means(features, labels)
        assert (found.layer, found.stage) == (layer, stage)
        assert np.array_equal(found.class_means, means)
        assert found.dnc1 == dnc1(features, labels)
        assert found.dnc2 == dnc2(means)
        assert found.dnc3 == (dnc3(weights[layer - 1], means) if stage == "post" else None)
        assert found.effective_rank == effective_rank(singular_values(means))
        assert found.gram == pytest.approx(np.array([[a @ b for b in means] for a in means]), abs=1e-15)


@pytest.mark.parametrize("width", [6, 8])
def test_classes_kept_are_those_of_the_output_and_so_of_the_last_layer_alone(width: int) -> None:
    found = measured(solve_dnc(Problem.uniform(6, 3, 2e-3)), width)
    assert [layer.classes_kept for layer in found] == [None, None, None, None, 6]
    weights, H_1 = solve_dnc(Problem.uniform(6, 3, 2e-3)).matrices(width)
    weights[-1][2] = 0.0
    stages = [(layer, stage, features.T) for layer, stage, features in forward(weights, H_1)]
    assert measure_layers(stages, np.arange(6), weights)[-1].classes_kept == 5


def test_a_network_that_decayed_to_zero_has_rank_zero() -> None:
    (found,) = measure_layers([(1, "post", np.full((4, 3), 1e-9))], np.array([0, 0, 1, 1]), [np.zeros((3, 3))])
    assert found.rank == 0
    assert found.dnc2 == np.inf
    assert found.dnc3 is None, "nothing is there to be aligned"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(bad: float) -> None:
    features = np.ones((4, 3))
    features[2, 1] = bad
    with pytest.raises(ValueError, match="nan or infinite"):
        measure_layers([(1, "post", features)], np.array([0, 0, 1, 1]), [np.eye(3)])


def test_labels_with_an_empty_class_are_refused() -> None:
    with pytest.raises(ValueError, match="class 0 has no sample"):
        measure_layers([(1, "post", np.ones((2, 3)))], np.array([1, 1]), [np.eye(3)])
