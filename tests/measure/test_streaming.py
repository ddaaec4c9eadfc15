"""Statistics accumulated batch by batch are those of all samples at once, and exact where a layer has collapsed."""

import numpy as np
import pytest
import torch

from nccli.measure.streaming import StreamingStatistics, statistics_bytes
from nccli.metrics import cdnv, class_statistics, nc1_pinv

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


def test_without_the_matrix_all_else_is_the_same() -> None:
    found, whole = StreamingStatistics(K, D, within=False), streamed([slice(0, N)]).result()
    for start in range(0, N, 9):
        found.add(torch.from_numpy(X[start : start + 9]), torch.from_numpy(LABELS[start : start + 9]))
    assert found.result().within is None
    for name in ("means", "spreads"):
        np.testing.assert_allclose(getattr(found.result(), name), getattr(whole, name), rtol=1e-13)


@pytest.mark.parametrize("within", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0.0, 30.0, 1e3, 1e6])
def test_an_offset_that_all_features_share_costs_no_digits(offset: float, dtype: type, within: bool) -> None:
    features = (offset + rng.normal(size=(K, 1))[LABELS] + rng.normal(size=(N, D))).astype(dtype)
    near = features.astype(np.float64) - features[0].astype(np.float64)  # exact
    whole = class_statistics(near, LABELS, K)
    found = StreamingStatistics(K, D, within=within)
    for start in range(0, N, 7):
        found.add(torch.from_numpy(features[start : start + 7]), torch.from_numpy(LABELS[start : start + 7]))
    for statistics in (found.result(), class_statistics(features, LABELS, K, within)):
        np.testing.assert_allclose(statistics.spreads, whole.spreads, rtol=1e-12)
        assert statistics.dnc1 == pytest.approx(whole.dnc1, rel=1e-9)
        assert cdnv(statistics) == pytest.approx(cdnv(whole), rel=1e-9)
        if statistics.within is not None:
            np.testing.assert_allclose(statistics.within, whole.within, rtol=1e-11, atol=1e-12)
            assert nc1_pinv(statistics) == pytest.approx(nc1_pinv(whole), rel=1e-8)


def test_a_first_sample_far_from_its_class_costs_no_more_than_its_share_of_digits() -> None:
    features = rng.normal(size=(N, D))
    features[np.argmax(LABELS == 1)] += 1e4
    found = streamed([slice(0, 9), slice(9, N)], features).result()
    dense = [((features[LABELS == k] - features[LABELS == k].mean(axis=0)) ** 2).sum(axis=1).mean() for k in range(K)]
    np.testing.assert_allclose(found.spreads, dense, rtol=1e-11)


def test_layers_wider_than_a_block_of_numbers_are_taken_in_turn() -> None:
    wide = rng.normal(size=(4, 2**18)).astype(np.float32)
    found = StreamingStatistics(2, wide.shape[1], within=False)
    found.add(torch.from_numpy(wide), torch.tensor([0, 1, 1, 0]))
    whole = class_statistics(wide, np.array([0, 1, 1, 0]), 2, within=False)
    np.testing.assert_allclose(found.result().means, whole.means, rtol=1e-12)
    np.testing.assert_allclose(found.result().spreads, whole.spreads, rtol=1e-12)


def test_classes_without_a_sample_may_be_left_out_by_name() -> None:
    keep = LABELS != 1
    found = StreamingStatistics(K, D)
    found.add(torch.from_numpy(X[keep]), torch.from_numpy(LABELS[keep]))
    some = found.result(absent=True, release=True)
    assert some.classes is not None
    assert some.classes.tolist() == [0, 2]
    whole = class_statistics(X[keep], LABELS[keep] // 2, 2)
    np.testing.assert_allclose(some.within, whole.within, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(some.means, whole.means, rtol=1e-13)


def test_what_is_told_of_memory_is_what_tensors_take() -> None:
    found = StreamingStatistics(K, D)
    found.add(torch.from_numpy(X).float(), torch.from_numpy(LABELS))
    kept = sum(t.nbytes for t in (found._sums, found._base, found._scatter) if t is not None)
    assert kept < statistics_bytes(D, K, within=True) < kept + 2**24
    assert statistics_bytes(2**14, K, True) - statistics_bytes(2**14, K, False) >= 8 * 2**28


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(ValueError, match="class 2 has no sample"):
        streamed([slice(0, 2)], y=np.array([0, 1])).result()
    with pytest.raises(ValueError, match="nan or infinite"):
        streamed([slice(0, N)], np.full((N, D), np.nan)).result()
