"""Named logits are told from others, whatever is added to all outputs of a class."""

import numpy as np
import pytest

from nccli.metrics import classes_kept, recognise_structure, run_outcome
from nccli.metrics.outcome import LayerFindings
from nccli.metrics.output import output_etf_distance, output_pairs_distance, output_rank

K = 10
ETF = np.eye(K) - 1 / K
PAIRS = np.kron(np.eye(K // 2), [[1.0, -1.0], [-1.0, 1.0]])
SHIFTS = np.random.default_rng(0).normal(size=(K, 1))
ORDER = np.random.default_rng(1).permutation(K)


def test_logits_of_dnc_have_distance_zero_and_rank_below_classes() -> None:
    assert output_rank(3 * ETF) == K - 1
    assert output_etf_distance(3 * ETF) == pytest.approx(0, abs=1e-7)
    assert output_etf_distance(3 * ETF + SHIFTS) == pytest.approx(0, abs=1e-7)
    assert output_etf_distance(3 * np.eye(K)) == pytest.approx(0, abs=1e-7)  # what all logits share says nothing


def test_block_diagonal_logits_are_known_in_any_order_of_the_classes() -> None:
    Z = PAIRS[np.ix_(ORDER, ORDER)]
    assert output_rank(Z) == K // 2
    assert output_pairs_distance(5 * Z + SHIFTS) == pytest.approx(0, abs=1e-7)
    assert np.isnan(output_pairs_distance(-5 * Z)), "every class is lowest for itself"


def test_distances_grow_with_what_is_added() -> None:
    noise = np.random.default_rng(2).normal(size=(K, K))
    distances = [output_pairs_distance(PAIRS + size * noise) for size in (0.0, 0.01, 0.1)]
    assert distances == sorted(distances)
    assert distances[2] > 0.05
    difference = PAIRS / np.linalg.norm(PAIRS) - ETF / np.linalg.norm(ETF)
    assert output_etf_distance(PAIRS) > 0.5
    assert np.linalg.norm(difference) > 0.5


def test_logits_without_pairs_have_no_distance_from_them() -> None:
    assert np.isnan(output_pairs_distance(np.ones((K, K))))
    assert np.isnan(output_pairs_distance(np.eye(K - 1)))
    assert np.isnan(output_etf_distance(np.zeros((K, K))))
    assert output_rank(np.zeros((K, K))) == 0


def test_opposite_means_are_pairs_and_no_sum_of_graphs() -> None:
    """Noise once made of them SRG T(4) and a square, whose last pre-activations they are."""
    for K_, seed in ((4, 0), (6, 1), (8, 2), (10, 3)):
        rng = np.random.default_rng(seed)
        M = np.kron(np.eye(K_ // 2), [[1.0], [-1.0]]) + 1e-4 * rng.normal(size=(K_, K_ // 2))
        order = rng.permutation(K_)
        found = recognise_structure(M[order] @ M[order].T, before_activation=False)
        assert found.name == "pairs"
        assert found.distance < 1e-3
        first, second = found.permutation[::2], found.permutation[1::2]
        assert (np.sum(M[order][first] * M[order][second], axis=1) < -0.99).all()


def test_a_class_is_kept_by_its_odds_under_the_cross_entropy() -> None:
    """Ten classes on a circle, far out: each is the likeliest by much, and the margins are a fifth of the logits."""
    angles = 2 * np.pi * np.arange(K) / K
    logits = 20 * np.cos(angles[:, None] - angles)
    assert classes_kept(logits, objective="ce") == K
    assert classes_kept(logits) == 0
    assert classes_kept(np.zeros((K, K)), objective="ce") == 0
    assert classes_kept(0.1 * ETF, objective="ce") == 0


def test_an_etf_is_dnc_under_the_cross_entropy_alone() -> None:
    hidden = [LayerFindings(K - 1, "etf"), LayerFindings(K, "dnc")]
    for objective, name in (("ce", "dnc"), ("mse", "low_rank"), (None, "low_rank")):
        found = run_outcome(K, hidden, hidden[0], K, objective=objective)
        assert found is not None
        assert found.name == name
    full = [LayerFindings(K - 1, "none")] * 2
    for objective, name in (("ce", "full_rank"), ("mse", "low_rank")):
        found = run_outcome(K, full, None, K, objective=objective)
        assert found is not None
        assert found.name == name


def test_a_regular_polygon_is_known_in_any_order_and_turned() -> None:
    for K_ in (5, 8, 11):
        angles = 2 * np.pi * np.arange(K_) / K_ + 0.3
        M = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        order = np.random.default_rng(K_).permutation(K_)
        found = recognise_structure(M[order] @ M[order].T)
        assert found.name == "polygon"
        assert found.distance < 1e-12
        placed = M[order][found.permutation]
        np.testing.assert_allclose(np.sum(placed * np.roll(placed, 1, axis=0), axis=1), np.cos(2 * np.pi / K_))
    assert recognise_structure(M[:9] @ M[:9].T).name != "polygon"


def test_a_rank_that_is_the_width_is_no_low_one() -> None:
    hidden = [LayerFindings(6, "none")] * 2
    for width, name in ((6, "full_rank"), (7, "low_rank"), (None, "low_rank"), (30, "low_rank")):
        found = run_outcome(K, hidden, None, K, width=width)
        assert found is not None
        assert found.name == name
