"""Every way in that a file of features has gives the numbers of a dense computation, or one line on what to mend."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nccli.errors import InputError
from nccli.measure.feature_file import read_features
from nccli.measure.feature_layers import measure_features
from nccli.metrics import class_statistics, nearest_class_mean_disagreement, self_duality

K, N, D = 4, 40, 6
rng = np.random.default_rng(0)
LABELS = np.tile(np.arange(K), N // K)
X = (rng.normal(size=(K, D))[LABELS] + 0.7 * rng.normal(size=(N, D))).astype(np.float32)
W, B = rng.normal(size=(K, D)).astype(np.float32), rng.normal(size=K).astype(np.float32)
LOGITS = X @ W.T + B

STATISTICS = class_statistics(X, LABELS, K)
NC3 = self_duality(W.astype(np.float64), STATISTICS.centred_means)


def nc4(predicted: np.ndarray) -> float:
    return nearest_class_mean_disagreement(X.astype(np.float64), STATISTICS.means, predicted)


NC4 = nc4(LOGITS.argmax(axis=1))
WHOLE = {"features": X, "labels": LABELS, "weights": W, "bias": B}


def measured(path: Path, **options: Any) -> Any:
    found = read_features(path, **options)
    layers, skipped, said = measure_features(found, "flatten")
    assert skipped == {}
    return {layer.name: layer for layer in layers}, [*found.remarks, *said]


def tensors(arrays: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


WAYS: dict[str, Callable[[Path], Any]] = {
    "arrays.npz": lambda path: np.savez(path, **WHOLE),
    "compressed.npz": lambda path: np.savez_compressed(path, **WHOLE),
    "fortran.npz": lambda path: np.savez(path, **{**WHOLE, "features": np.asfortranarray(X)}),
    "dictionary.pt": lambda path: torch.save(tensors(WHOLE), path),
    "dictionary.pth": lambda path: torch.save({**tensors(WHOLE), "labels": LABELS.tolist()}, path),
    "old.pt": lambda path: torch.save(tensors(WHOLE), path, _use_new_zipfile_serialization=False),
    "tensors.safetensors": lambda path: save_file(tensors(WHOLE), path),
    "parameters.pt": lambda path: torch.save({**tensors(WHOLE), "weights": torch.nn.Parameter(torch.tensor(W))}, path),
    "named.npz": lambda path: np.savez(path, weight=W, biases=B, y=LABELS, features=X),
}


@pytest.mark.parametrize("name", WAYS)
def test_nc1_to_nc4_come_from_a_file_with_weights_and_bias(tmp_path: Path, name: str) -> None:
    WAYS[name](tmp_path / name)
    layers, _ = measured(tmp_path / name)
    (layer,) = layers.values()
    assert layer.dnc1 == pytest.approx(STATISTICS.dnc1, rel=1e-6)
    assert layer.self_duality == pytest.approx(NC3, rel=1e-6)
    assert layer.nc4 == NC4


def test_logits_go_before_weights_and_need_none(tmp_path: Path) -> None:
    said = rng.integers(0, K, N)
    logits = np.eye(K, dtype=np.float32)[said]
    np.savez(tmp_path / "both.npz", **WHOLE, logits=logits)
    np.savez(tmp_path / "alone.npz", features=X, labels=LABELS, logits=logits)
    for name, expected in (("both.npz", NC3), ("alone.npz", None)):
        layers, _ = measured(tmp_path / name)
        assert list(layers) == ["features"]
        assert layers["features"].nc4 == nc4(said)
        assert layers["features"].self_duality == (expected and pytest.approx(expected, rel=1e-6))


def test_weights_without_a_bias_have_none_and_that_is_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", features=X, labels=LABELS, weights=W)
    layers, said = measured(tmp_path / "own.npz")
    assert layers["features"].nc4 == nc4((X @ W.T).argmax(axis=1))
    assert any("without a bias" in remark for remark in said)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_pair_of_features_and_labels_is_taken_in_either_order(tmp_path: Path, order: tuple[int, int]) -> None:
    pair = (torch.from_numpy(X), torch.from_numpy(LABELS))
    torch.save(tuple(pair[i] for i in order), tmp_path / "pair.pt")
    layers, _ = measured(tmp_path / "pair.pt")
    assert layers["features"].dnc1 == pytest.approx(STATISTICS.dnc1, rel=1e-6)


def test_an_npy_file_has_its_labels_in_another(tmp_path: Path) -> None:
    np.save(tmp_path / "val_features.npy", X)
    with pytest.raises(InputError, match="--labels"):
        read_features(tmp_path / "val_features.npy")
    np.save(tmp_path / "classes.npy", LABELS)
    layers, said = measured(tmp_path / "val_features.npy", labels=tmp_path / "classes.npy")
    assert layers["features"].dnc1 == pytest.approx(STATISTICS.dnc1, rel=1e-6)
    assert said == []
    np.save(tmp_path / "val_labels.npy", LABELS)
    assert measured(tmp_path / "val_features.npy")[1] == ["val_features.npy: labels are those of val_labels.npy"]


def test_layers_are_measured_one_by_one_and_each_may_have_its_reader(tmp_path: Path) -> None:
    arrays = {"early": X[:, :3], "late": X, "labels": LABELS, "weights_late": W, "bias_late": B, "logits_early": LOGITS}
    np.savez(tmp_path / "own.npz", **arrays)
    torch.save(
        {**tensors({**arrays, "x": X}), "features": tensors({"early": X[:, :3], "late": X})}, tmp_path / "own.pt"
    )
    layers, _ = measured(tmp_path / "own.npz")
    assert list(layers) == ["early", "late"]
    assert (layers["late"].nc4, layers["early"].self_duality) == (NC4, None)
    assert layers["early"].nc4 is not None
    with pytest.raises(InputError, match="'early' is there twice"):
        read_features(tmp_path / "own.pt")


def test_labels_with_gaps_read_their_own_rows_of_the_weights(tmp_path: Path) -> None:
    gaps = 2 * LABELS + 1
    wide, wide_bias = rng.normal(size=(2 * K + 1, D)), np.full(2 * K + 1, -50.0)
    wide[1 : 2 * K : 2], wide_bias[1 : 2 * K : 2] = W, B
    np.savez(tmp_path / "own.npz", features=X, labels=gaps, weights=wide, bias=wide_bias)
    layers, _ = measured(tmp_path / "own.npz")
    assert layers["features"].self_duality == pytest.approx(NC3, rel=1e-6)
    assert layers["features"].nc4 == NC4


def test_half_precision_is_read_as_it_is(tmp_path: Path) -> None:
    for dtype in (torch.float16, torch.bfloat16):
        torch.save({"features": torch.from_numpy(X).to(dtype), "labels": torch.from_numpy(LABELS)}, tmp_path / "h.pt")
        dense = class_statistics(torch.from_numpy(X).to(dtype).double().numpy(), LABELS, K)
        assert measured(tmp_path / "h.pt")[0]["features"].dnc1 == pytest.approx(dense.dnc1, rel=1e-10)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "other rows": ({"weights": W[:, :3]}, "do not read"),
    "other outputs": ({"weights": W, "bias": B[:3]}, "different numbers of outputs: weights 4, bias 3"),
    "few logits": ({"logits": LOGITS[:, :2]}, "2 logits a sample for K = 4"),
    "short logits": ({"logits": LOGITS[1:]}, "39 rows for 40 labels"),
    "nan": ({"weights": W * np.nan}, "a matrix"),
    "flat": ({"weights": W[0]}, "a matrix"),
    "nowhere": ({"bias_x": B}, "belongs to no layer"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_read_the_features_is_refused(tmp_path: Path, name: str) -> None:
    more, said = BAD[name]
    np.savez(tmp_path / "own.npz", features=X, labels=LABELS, **more)
    if name == "other rows":
        assert said in measure_features(read_features(tmp_path / "own.npz"), "flatten")[1]["features"]
        return
    with pytest.raises(InputError, match=said):
        read_features(tmp_path / "own.npz")


def test_the_weights_of_a_network_are_no_features_and_the_way_out_is_told(tmp_path: Path) -> None:
    torch.save(torch.nn.Sequential(torch.nn.Linear(3, 2)).state_dict(), tmp_path / "net.pt")
    with pytest.raises(InputError, match="--model"):
        read_features(tmp_path / "net.pt")
    torch.save([torch.zeros(3)] * 3, tmp_path / "three.pt")
    with pytest.raises(InputError, match="list of 3"):
        read_features(tmp_path / "three.pt")


def test_an_npy_file_that_promises_more_than_it_has_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "features.npy"
    np.save(path, X)
    raw = path.read_bytes()
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(huge, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 6)})
    for broken, said in (
        (huge.getvalue() + raw[128:], "truncated"),
        (raw[:-1], "truncated"),
        (raw.replace(b"shape", b"shap(", 1), "cannot be read as .npy"),
        (b"junk", "cannot be read as .npy"),
    ):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=said):
            read_features(path, tmp_path / "none.npy")
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="Python objects"):
        read_features(path, tmp_path / "none.npy")
