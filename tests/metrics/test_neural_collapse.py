"""The single-layer set: zero at full collapse, equal to its definition elsewhere, blind to scale and rotation."""

import math

import numpy as np
import pytest

from nccli.metrics import (
    ClassStatistics,
    LayerData,
    cdnv,
    class_statistics,
    dnc1,
    equiangularity,
    equinorm,
    etf_distance,
    frame_distance,
    layer_metrics,
    nc1_pinv,
    nearest_class_mean_disagreement,
    self_duality,
)
from tests.oracle import neural_collapse as oracle
from tests.oracle.collapse_metrics import covariances
from tests.oracle.labelled_features import rotation

K, D = 4, 7
ETF = np.eye(K) - 1 / K

ZERO_AT_COLLAPSE = (
    *("nc1_pinv", "cdnv", "equinorm", "equiangularity", "etf_distance", "self_duality", "nc0", "uniform_duality"),
    *("classifier_equinorm", "classifier_equiangularity", "classifier_etf_distance", "uniformity_variation"),
)
OF_THE_SCALE = ("nc0", "logit_norm")
"""Metrics in the unit of the weights or of the output."""


def features(seed: int = 0, spread: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Unbalanced classes around random means."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(K), [5, 9, 2, 6])
    return rng.normal(size=(K, D))[labels] + spread * rng.normal(size=(len(labels), D)), labels


def single_layer_set(
    statistics: ClassStatistics, weights: np.ndarray | None = None, nc4: float | None = None
) -> dict[str, float | None]:
    """NC1 to NC4 of a layer, by name."""
    return vars(layer_metrics(1, "post", LayerData.of(statistics, weights, nc4)).collapse)


@pytest.mark.parametrize("seed", range(3))
def test_statistics_and_nc1_are_those_of_the_definition(seed: int) -> None:
    X, y = features(seed)
    found = class_statistics(X, y, K)
    within, _ = covariances(X, y)
    np.testing.assert_allclose(found.within, within, atol=1e-14)
    assert found.dnc1 == pytest.approx(float(dnc1(X, y)), rel=1e-12)
    assert nc1_pinv(found) == pytest.approx(oracle.nc1_pinv(X, y), rel=1e-9)
    assert cdnv(found) == pytest.approx(oracle.cdnv(X, y), rel=1e-12)


def test_a_simplex_etf_with_its_own_classifier_is_fully_collapsed_and_an_orthogonal_frame_is_one_once_centred() -> None:
    y = np.repeat(np.arange(K), 3)
    for means in (ETF, np.eye(K)):
        found = single_layer_set(class_statistics(means[y], y, K), 2.5 * ETF, nc4=0.0)
        np.testing.assert_allclose([found[name] for name in (*ZERO_AT_COLLAPSE, "nc4")], 0, atol=1e-13)
        assert found["duality_cosine"] == pytest.approx(1, abs=1e-14)
        assert (found["centred_rank"], found["weight_rank"]) == (K - 1, K - 1)
        for of in ("centred", "weight", "feature"):
            assert found[f"{of}_effective_rank"] == pytest.approx(K - 1, rel=1e-6)
        assert found["uniformity"] == pytest.approx(-math.log(2 * K / (K - 1)) / 2)
    assert frame_distance(np.eye(K)) == pytest.approx(0, abs=1e-15)
    assert frame_distance(ETF) > 0.1


def test_the_set_does_not_change_under_rotation_and_scale() -> None:
    X, y = features()
    W = np.random.default_rng(5).normal(size=(K, D))
    Q = rotation(D)
    first = single_layer_set(class_statistics(X, y, K), W)
    second = single_layer_set(class_statistics(3.0 * X @ Q, y, K), 7.0 * W @ Q)
    blind = [name for name, value in first.items() if value is not None and name not in OF_THE_SCALE]
    np.testing.assert_allclose([first[name] for name in blind], [second[name] for name in blind], rtol=1e-9)


def test_a_collapsed_layer_far_from_the_origin_has_no_within_class_variance() -> None:
    y = np.tile(np.arange(K), 5)
    found = class_statistics(1e6 + np.eye(K)[y], y, K)
    assert found.dnc1 == 0
    assert nc1_pinv(found) == 0
    assert cdnv(found) == 0


def test_what_does_not_exist_is_nan_and_not_a_number_that_looks_good() -> None:
    zero = np.zeros((K, D))
    y = np.arange(K)
    assert math.isnan(class_statistics(zero, y, K).dnc1)
    assert math.isnan(nc1_pinv(class_statistics(zero, y, K)))
    for measure in (equinorm, equiangularity, etf_distance, frame_distance):
        assert math.isnan(measure(zero))
    assert math.isnan(self_duality(zero, np.ones((K, D))))


def test_two_classes_with_one_mean_have_infinite_cdnv() -> None:
    X = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    assert cdnv(class_statistics(X, np.array([0, 0, 1, 1]), 2)) == math.inf


def test_nc4_counts_samples_that_the_nearest_mean_would_call_otherwise() -> None:
    means = np.array([[0.0, 0.0], [10.0, 0.0]])
    X = np.array([[1.0, 3.0], [9.0, 1.0], [4.0, 0.0], [6.0, 0.0]])
    assert nearest_class_mean_disagreement(X, means, np.array([0, 1, 0, 1])) == 0
    assert nearest_class_mean_disagreement(X, means, np.array([0, 1, 1, 1])) == 0.25


@pytest.mark.parametrize(
    ("labels", "said"), [([0, 1, 4, 2], "0..3"), ([0, 0, 1, 3], "class 2"), ([0, -1, 1, 2], "0..3")]
)
def test_labels_that_do_not_fit_are_refused(labels: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        class_statistics(np.ones((4, D)), np.array(labels), K)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 30.0, 1e3, 1e6])
def test_nc1_is_blind_to_an_offset_that_all_features_share(offset: float, dtype: type) -> None:
    X, y = features()
    moved = (X + offset * np.random.default_rng(9).normal(size=D)).astype(dtype)
    near = moved.astype(np.float64) - moved[0].astype(np.float64)  # exact, and what is left of the offset is small
    assert nc1_pinv(class_statistics(moved, y, K)) == pytest.approx(oracle.nc1_pinv(near, y), rel=1e-7)


def test_a_noiseless_etf_is_collapsed_however_unequal_its_classes_are() -> None:
    y = np.repeat(np.arange(K), [5, 40, 200, 500])
    found = single_layer_set(class_statistics(ETF[y] + 3.0, y, K), ETF)
    np.testing.assert_allclose([found[name] for name in ZERO_AT_COLLAPSE], 0, atol=1e-13)


def test_pairs_of_more_classes_than_a_block_has_are_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = features()
    found = []
    for rows in (512, 3):
        monkeypatch.setattr("nccli.metrics.pairs._ROWS", rows)
        found.append([v for v in single_layer_set(class_statistics(X, y, K)).values() if v is not None])
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_classes_closer_to_each_other_than_to_the_rest_keep_the_digits_of_their_distance() -> None:
    M = np.array([[0.0, 0.0], [1e-9, 0.0], [1e3, 5.0]])
    statistics = ClassStatistics(np.array([2, 2, 2]), M, None, np.array([1.0, 1.0, 1.0]))
    assert cdnv(statistics) == pytest.approx((1e18 + 2 / (1e6 + 25)) / 3, rel=1e-12)
