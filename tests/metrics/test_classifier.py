"""The classifier by itself, and against the means that it reads."""

import numpy as np
import pytest

from nccli.metrics import LayerData, class_statistics, layer_metrics
from nccli.metrics.classifier import duality_cosine, logit_norm, logit_norm_variation, nc0, uniform_duality

K, D = 4, 6
rng = np.random.default_rng(0)
W, M, B = rng.normal(size=(K, D)), rng.normal(size=(K, D)), rng.normal(size=K)


def test_each_is_its_sum_over_classes() -> None:
    logits = [np.linalg.norm([w @ M[k] + b for w, b in zip(W, B, strict=True)]) for k in range(K)]
    cosines = [W[k] @ M[k] / np.linalg.norm(W[k]) / np.linalg.norm(M[k]) for k in range(K)]
    assert nc0(W) == pytest.approx(sum(sum(W[k][j] for k in range(K)) ** 2 for j in range(D)) / K)
    assert logit_norm(W, B, M) == pytest.approx(np.mean(logits))
    assert logit_norm_variation(W, B, M) == pytest.approx(np.std(logits) / np.mean(logits))
    assert duality_cosine(W, M) == pytest.approx(np.mean(cosines))
    assert uniform_duality(W, M) == pytest.approx(np.std(cosines) / abs(np.mean(cosines)))


def test_a_row_or_a_mean_that_is_zero_has_no_direction() -> None:
    for weights, means in ((W * (np.arange(K) > 0)[:, None], M), (W, np.zeros((K, D)))):
        assert np.isnan(duality_cosine(weights, means))
        assert np.isnan(uniform_duality(weights, means))
    assert np.isnan(logit_norm_variation(0 * W, 0 * B, M))


def test_rows_of_classes_without_samples_are_left_out_and_other_maps_are_no_classifier() -> None:
    labels = np.array([0, 2, 3, 0, 2, 3])
    some = class_statistics(M[labels], np.searchsorted([0, 2, 3], labels), 3)
    found = type(some)(some.counts, some.means, some.within, some.spreads, np.array([0, 2, 3]))
    values = layer_metrics(1, "post", LayerData.of(found, W, bias=B))
    assert values.nc0 == pytest.approx(nc0(W[[0, 2, 3]]))
    assert values.logit_norm == pytest.approx(logit_norm(W[[0, 2, 3]], B[[0, 2, 3]], M[[0, 2, 3]]))
    other = layer_metrics(1, "post", LayerData.of(found, W[:2]))
    assert other.nc0 is None
    assert other.self_duality is None
    assert other.dnc3 is not None
