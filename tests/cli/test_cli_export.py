"""`construct --export` writes every matrix of a point, for other programs."""

import numpy as np
import pytest

from tests.cli.command import Nccli

K, L, N, D = 6, 4, 2, 12
POINT = f"construct --kind srg --K {K} --L {L} --n {N} --width {D} --wd 2e-3"


@pytest.fixture(scope="module")
def point(tmp_path_factory: pytest.TempPathFactory) -> tuple[float, dict[str, np.ndarray]]:
    """The loss that the command printed, and the arrays that it exported."""
    nccli = Nccli(tmp_path_factory.mktemp("export"))
    (record,) = nccli(f"{POINT} --export point.npz --format jsonl").records
    with np.load(nccli.folder / "point.npz") as arrays:
        return record["loss"], dict(arrays)


def test_the_file_has_all_matrices_in_the_shapes_of_the_paper(point: tuple[float, dict[str, np.ndarray]]) -> None:
    weights = {f"W_{i}": (D, D) for i in range(1, L)} | {f"W_{L}": (K, D)}
    means = {f"M_{i}": (D, K) for i in range(1, L + 1)} | {f"Mt_{i}": (D, K) for i in range(2, L + 1)}
    scalars = dict.fromkeys(("loss", "fit", "reg"), ())
    expected = {**weights, **means, **scalars, "H_1": (D, N * K), "labels": (N * K,)}
    assert {name: array.shape for name, array in point[1].items()} == expected


def test_the_matrices_have_the_loss_that_the_store_reports(point: tuple[float, dict[str, np.ndarray]]) -> None:
    stored, arrays = point
    hidden = arrays["H_1"]
    loss = 2e-3 / 2 * np.sum(hidden**2)
    for i in range(1, L + 1):
        loss += 2e-3 / 2 * np.sum(arrays[f"W_{i}"] ** 2)
        hidden = arrays[f"W_{i}"] @ (hidden if i == 1 else np.maximum(hidden, 0))
    loss += np.sum((hidden - np.eye(K)[:, arrays["labels"]]) ** 2) / (2 * N * K)
    assert float(arrays["loss"]) == stored
    assert loss == pytest.approx(stored, rel=1e-9)


def test_what_cannot_be_exported_is_refused_and_nothing_is_stored(run: Nccli) -> None:
    refused = {
        "--kind dnc --K 4,5 --export point.npz": "2",
        "--kind dnc --export point.txt": "point.txt",
        "--kind dnc --export missing/point.npz": "missing/point.npz",
    }
    ended = run.all((f"construct {options}" for options in refused), code=2).values()
    for each, named in zip(ended, refused.values(), strict=True):
        assert each.err.startswith("nccli: --export ")
        assert named in each.err
    assert list(run.folder.iterdir()) == []
