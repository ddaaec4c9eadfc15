"""Statistics accumulated batch by batch are those of all samples at once, and exact where a layer has collapsed."""

import numpy as np
import pytest
import torch

from nccli.measure.streaming import StreamingStatistics
from nccli.metrics import class_statistics

K, D, N = 3, 5, 40
rng = np.random.default_rng(0)
LABELS = rng.integers(0, K, N)
X = rng.normal(size=(N, D)) + 100.0


def streamed(pieces: list[slice], X: np.ndarray = X, y: np.ndarray = LABELS) -> StreamingStatistics:
    """Statistics of these pieces, one after the other."""
    found = StreamingStatistics(K, D)
    for piece in pieces:
        found.add(torch.from_numpy(X[piece]), torch.from_numpy(y[piece]))
    return found


@pytest.mark.parametrize("size", [1, 3, 7, N])
def test_batches_of_any_size_give_the_statistics_of_the_whole(size: int) -> None:
    pieces = [slice(i, i + size) for i in range(0, N, size)]
    found, whole = streamed(pieces).result(), class_statistics(X, LABELS, K)
    np.testing.assert_array_equal(found.counts, whole.counts)
    for name in ("means", "within", "spreads"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), rtol=1e-11, atol=1e-12)


def test_two_halves_merge_into_the_whole() -> None:
    first, second = streamed([slice(0, 11)]), streamed([slice(11, 30), slice(30, N)])
    first.merge(second)
    np.testing.assert_allclose(first.result().within, class_statistics(X, LABELS, K).within, rtol=1e-11, atol=1e-12)


def test_a_collapsed_layer_has_no_scatter_left_by_rounding() -> None:
    features = 1e4 + rng.normal(size=(K, D))[LABELS]
    found = streamed([slice(0, 9), slice(9, N)], features)
    assert found.result().dnc1 < 1e-22


def test_half_precision_features_are_measured_in_float64() -> None:
    half = torch.from_numpy(X).to(torch.float16)
    found = StreamingStatistics(K, D)
    found.add(half, torch.from_numpy(LABELS))
    whole = class_statistics(half.double().numpy(), LABELS, K)
    np.testing.assert_allclose(found.result().within, whole.within, rtol=1e-11, atol=1e-12)


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(ValueError, match="class 2 has no sample"):
        streamed([slice(0, 2)], y=np.array([0, 1])).result()
    with pytest.raises(ValueError, match="nan or infinite"):
        streamed([slice(0, N)], np.full((N, D), np.nan)).result()
