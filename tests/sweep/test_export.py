"""A constructed point as a file for other programs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nccli.errors import InputError
from nccli.outputs import Output
from nccli.sweep import export_point
from nccli.theory import Problem, Solution, explicit_loss, solve_dnc, solve_srg


def exported(path: Path, point: Solution, width: int) -> None:
    """Write a point as `construct --export` does."""
    with Output("--export", path, None).open() as file:
        export_point(file, point, width)


def solution(L: int = 4) -> Solution:
    """A low-rank solution with three samples a class."""
    found = solve_srg(Problem.uniform(6, L, 1e-3, n=3))
    assert found is not None
    return found


@pytest.mark.parametrize("point", [solution(), solution(2), solve_dnc(Problem.uniform(5, 3, 1e-3, n=2))])
def test_the_exported_matrices_have_the_exported_loss(tmp_path: Path, point: Solution) -> None:
    width, problem = point.construction.min_width + 2, point.problem
    exported(tmp_path / "point.npz", point, width)
    with np.load(tmp_path / "point.npz") as data:
        arrays = dict(data)
    weights = [arrays[f"W_{i}"] for i in range(1, problem.L + 1)]
    fit, reg = explicit_loss(problem, weights, arrays["H_1"])
    assert fit == pytest.approx(float(arrays["fit"]), rel=1e-9)
    assert reg == pytest.approx(float(arrays["reg"]), rel=1e-9)
    assert fit + reg == pytest.approx(float(arrays["loss"]), rel=1e-9)
    assert float(arrays["loss"]) == point.loss


def test_the_exported_arrays_are_in_the_papers_orientation(tmp_path: Path) -> None:
    point = solution()
    width = point.construction.min_width
    exported(tmp_path / "point.npz", point, width)
    with np.load(tmp_path / "point.npz") as data:
        shapes = {name: data[name].shape for name in data.files}
        assert data["labels"].tolist() == np.repeat(np.arange(6), 3).tolist()
        for layer in range(2, 5):
            assert data[f"Mt_{layer}"] == pytest.approx(data[f"W_{layer - 1}"] @ data[f"M_{layer - 1}"])
            assert data[f"M_{layer}"] == pytest.approx(np.maximum(data[f"Mt_{layer}"], 0))
        means = [data["H_1"][:, data["labels"] == k].mean(axis=1) for k in range(6)]
        assert data["M_1"].T == pytest.approx(np.array(means))
    assert shapes == {
        **{"W_1": (width, width), "W_2": (width, width), "W_3": (width, width), "W_4": (6, width)},
        **{"H_1": (width, 18), "labels": (18,), "loss": (), "fit": (), "reg": ()},
        **dict.fromkeys(("M_1", "M_2", "M_3", "M_4", "Mt_2", "Mt_3", "Mt_4"), (width, 6)),
    }


def test_a_width_that_is_too_small_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too small"):
        exported(tmp_path / "point.npz", solution(), solution().construction.min_width - 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("old", [None, b"the last export"])
def test_an_export_that_fails_half_way_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes | None
) -> None:
    target = tmp_path / "point.npz"
    if old is not None:
        target.write_bytes(old)

    def full_disk(file: Any, **_: Any) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(InputError, match="No space left"):
        exported(target, solution(), 20)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == ({} if old is None else {"point.npz": old})


def test_an_export_replaces_the_last_one(tmp_path: Path) -> None:
    target = tmp_path / "point.npz"
    target.write_bytes(b"the last export")
    exported(target, solution(), 20)
    with np.load(target) as data:
        assert data["W_1"].shape == (20, 20)
    assert list(tmp_path.iterdir()) == [target]
