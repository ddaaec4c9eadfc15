"""measure: stored runs at other tolerances, feature files, anybody's network."""

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nccli.cli.entry import run as nccli_main
from nccli.metrics import numerical_rank
from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.e2e.image_files import write_npz

LABELS = np.repeat(np.arange(4), 6)
FEATURES = np.eye(4)[LABELS] + 0.1 * np.random.default_rng(0).normal(size=(24, 4))


def test_stored_runs_are_measured_again_at_another_tolerance_without_torch(grid: Made) -> None:
    nccli = Nccli(grid.path.parent)
    line = f"measure {grid.ids[0]} --rank-rtol 0.5 --format jsonl"
    ended, loaded = nccli.observed([line])
    records = ended[line].records
    assert "torch" not in loaded[line]
    assert len(records) == 5
    for record in records:
        assert record["rank"] == int(numerical_rank(np.array(record["singular_values"]), 0.5))
        assert 0 <= record["etf_distance"] <= 2**0.5
    assert nccli(f"measure - --store {grid.path}", stdin=grid.ended.out).ids == grid.ids


@pytest.mark.parametrize("suffix", ["npz", "pt", "safetensors"])
def test_a_feature_file_is_measured_stored_and_found_again(run: Nccli, suffix: str) -> None:
    path = run.folder / f"own.{suffix}"
    tensors = {"features": torch.from_numpy(FEATURES), "labels": torch.from_numpy(LABELS), "weights": torch.eye(4)}
    if suffix == "npz":
        np.savez(path, features=FEATURES, labels=LABELS, weights=np.eye(4))
    elif suffix == "pt":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)
    (record,) = run(f"measure {path.name} --format jsonl").records
    assert record["rank"] == 4
    assert 0 < record["dnc1"] < 0.2
    assert record["self_duality"] < 0.7
    before = run("runs export").out
    ids = run(f"measure {path.name}").ids
    assert ids == [record["id"]]
    assert run("runs export").out == before, "a measurement took the place of an equal one"
    (stored,) = run("measure - --format jsonl", stdin="\n".join(ids)).records
    assert stored == record
    (shown,) = run(f"runs show {ids[0]}").records
    assert (shown["kind"], shown["K"], shown["n"], shown["loss"]) == ("features", 4, 6, "nan")


def test_half_precision_layers_of_any_shape_are_measured_one_by_one(run: Nccli) -> None:
    conv = torch.randn(24, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    torch.save(
        {"features": [torch.from_numpy(FEATURES).bfloat16(), conv.half()], "labels": torch.from_numpy(LABELS)},
        run.folder / "own.pt",
    )
    flat = run("measure own.pt --format jsonl").records
    assert [(r["name"], r["layer"], len(r["singular_values"])) for r in flat] == [
        ("features_1", 1, 4),
        ("features_2", 2, 4),
    ]
    pooled = run("measure own.pt --pool mean --format jsonl").records
    assert len(pooled[1]["singular_values"]) == 3


class Bomb:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """What a careless reader would call."""
        return (Path.write_text, (Path("executed"), "yes"))


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no labels": ({"features": FEATURES}, "no array 'labels'"),
    "no features": ({"labels": LABELS}, "no features"),
    "one class": ({"features": FEATURES, "labels": 0 * LABELS}, "one class"),
    "scores": ({"features": FEATURES, "labels": FEATURES}, "argmax"),
    "fractions": ({"features": FEATURES, "labels": LABELS + 0.5}, "no integers: 0.5"),
    "negative": ({"features": FEATURES, "labels": LABELS - 1}, "out of range"),
    "nan": ({"features": FEATURES * np.nan, "labels": LABELS}, "nan or infinite"),
    "short": ({"features": FEATURES[1:], "labels": LABELS}, "one row for each of the 24 labels"),
    "integers": ({"features": LABELS[:, None], "labels": LABELS}, "features are floats"),
    "weights": ({"features": FEATURES, "labels": LABELS, "weights_x": np.eye(4)}, "belongs to no layer"),
    "huge": ({"features": FEATURES * 1e200, "labels": LABELS}, "rescale"),
    "tiny": ({"features": FEATURES * 1e-200, "labels": LABELS}, "rescale"),
}


def test_files_that_cannot_be_measured_are_refused_in_one_line_and_nothing_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = {f"{name.replace(' ', '-')}.npz": expected for name, (_, expected) in BAD.items()}
    for file, (arrays, _) in zip(said, BAD.values(), strict=True):
        np.savez(file, **arrays)
    np.savez("whole.npz", features=FEATURES, labels=LABELS)
    Path("cut.npz").write_bytes(Path("whole.npz").read_bytes()[:-60])
    Path("bomb.pt").write_bytes(pickle.dumps(Bomb()))
    torch.save({"features": Bomb(), "labels": torch.from_numpy(LABELS)}, "bomb2.pt")
    Path("cut.safetensors").write_bytes(b"\xff" * 40)
    Path("features.txt").write_text("1 2 3")
    Path("short.pt").write_bytes(b"junk")
    said |= {"cut.npz": "truncated", "bomb.pt": "no torch file", "bomb2.pt": "Python objects"}
    said |= {
        "nowhere.npz": "no such file",
        "short.pt": "no torch file",
        "features.txt": "end in .npz",
        "cut.safetensors": "safetensors",
    }
    for file, expected in said.items():
        assert nccli_main(["measure", file]) == 2
        printed = capsys.readouterr()
        assert expected in printed.err
        assert len(printed.err.strip().splitlines()) == 1
        assert printed.out == ""
    assert not Path("executed").exists()
    assert not Path("nccli.db").exists()


def test_networks_that_cannot_be_measured_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    write_npz(tmp_path / "own.npz")
    Path("bad_nets.py").write_text(
        "from torch import nn\n"
        "def three(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))\n"
        "def four(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 4))\n"
        "def other(): return nn.Sequential(nn.Flatten(), nn.Linear(65, 4))\n"
    )
    torch.save({"0.weight": torch.zeros(2, 2)}, "other.pt")
    said = {
        "--model bad_nets:three": "K = 4 classes",
        "--model bad_nets:other": "does not take images",
        "--model bad_nets:four --layers conv": "matches no layer",
        "--model bad_nets:four --weights other.pt": "does not fit the model",
        "--weights other.pt": "belong to --model",
    }
    for options, expected in said.items():
        assert nccli_main(["measure", *options.split(), "--dataset", "own.npz", "--quiet"]) == 2
        printed = capsys.readouterr()
        assert expected in printed.err
        assert len(printed.err.strip().splitlines()) == 1
    assert not Path("nccli.db").exists()
