"""Files that claim, or hold, what no machine has: refused at once from what they say of themselves."""

import gzip
import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from nccli.training import memory
from tests.cli.command import Nccli

LABELS = np.repeat(np.arange(3), 4)
FEATURES = np.random.default_rng(0).normal(size=(12, 5))


def tensors(make: Callable[[], torch.Tensor]) -> Callable[[Path], None]:
    """A .pt file with these features."""

    def write(path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of kinds of tensors that PyTorch calls unfinished
            torch.save({"features": make(), "labels": torch.from_numpy(LABELS)}, path)

    return write


def npz(**headers: tuple[int, ...]) -> Callable[[Path], None]:
    """An .npz file whose arrays claim to be as large, and are not there."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, shape in headers.items():
                head = io.BytesIO()
                np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": shape})
                archive.writestr(f"{name}.npy", head.getvalue() + bytes(64))

    return write


def bomb(path: Path) -> None:
    """24 MiB of zeros in 25 kB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        head = io.BytesIO()
        shape = (12, 2**18)
        np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": shape})
        with archive.open("features.npy", "w", force_zip64=True) as file:
            file.write(head.getvalue())
            for _ in range(24):
                file.write(bytes(2**20))
        labels = io.BytesIO()
        np.save(labels, LABELS)
        archive.writestr("labels.npy", labels.getvalue())


def safetensors(shape: list[int]) -> Callable[[Path], None]:
    """A .safetensors file that claims so much."""

    def write(path: Path) -> None:
        size = 8 * int(np.prod([float(n) for n in shape]))
        head = json.dumps({"features": {"dtype": "F64", "shape": shape, "data_offsets": [0, size]}}).encode()
        path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(64))

    return write


CASES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "meta": ("a.pt", tensors(lambda: torch.empty(12, 5, device="meta")), "meta tensor"),
    "sparse": ("a.pt", tensors(lambda: torch.eye(12).to_sparse()), "layout torch.sparse_coo"),
    "csr": ("a.pt", tensors(lambda: torch.eye(12).to_sparse_csr()), "layout torch.sparse_csr"),
    "quantised": (
        "a.pt",
        tensors(lambda: torch.quantize_per_tensor(torch.randn(12, 5), 0.1, 0, torch.qint8)),
        "quantised",
    ),
    "nested": (
        "a.pt",
        tensors(lambda: torch.nested.nested_tensor([torch.randn(2, 5)] * 12)),
        "nested tensor|holds Python objects",
    ),
    "expanded": ("a.pt", tensors(lambda: torch.zeros(1, 1).expand(12, 2**40)), "takes 2.95e.05 GiB"),
    "empty": ("a.pt", tensors(lambda: torch.zeros(12, 0)), "nothing to measure"),
    "empty axis": ("a.pt", tensors(lambda: torch.zeros(12, 3, 0, 4)), "nothing to measure"),
    "complex": ("a.pt", tensors(lambda: torch.zeros(12, 3, dtype=torch.complex64)), "features are floats"),
    "empty array": (
        "a.npz",
        lambda path: np.savez(path, features=np.zeros((12, 0)), labels=LABELS),
        "nothing to measure",
    ),
    "header": ("a.npz", npz(labels=(12,), features=(12, 10**14)), "truncated"),
    "header of labels": ("a.npz", npz(labels=(10**15,), features=(12, 3)), "truncated"),
    "safetensors": ("a.safetensors", safetensors([12, 10**14]), "cannot be read as safetensors"),
    "safetensors head": ("a.safetensors", lambda path: path.write_bytes(struct.pack("<Q", 10**15)), "cannot be read"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_feature_file_that_cannot_be_measured_is_refused(run: Nccli, case: str) -> None:
    name, write, wanted = CASES[case]
    write(run.folder / name)
    err = run(f"measure {name}", code=2).err
    assert err.count("\n") == 1
    assert any(part in err or part.replace(".05", "+05") in err for part in wanted.split("|")), err
    assert not (run.folder / "nccli.db").exists()


def test_a_zip_bomb_is_refused_from_its_directory(run: Nccli, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb(run.folder / "a.npz")
    monkeypatch.setattr(memory, "free_bytes", lambda device="cpu": 2**24)
    err = run("measure a.npz", code=2).err
    assert err == "nccli: a.npz, unpacked, takes 24 MiB, and 16 MiB may be used here: a smaller file\n"


@pytest.mark.parametrize("zipped", [False, True])
def test_images_that_claim_to_be_huge_are_refused(run: Nccli, zipped: bool) -> None:
    raw = run.folder / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    claim = b"\0\0\x08\x03" + struct.pack(">III", 2**31, 2**31, 2**31)
    name = "train-images-idx3-ubyte"
    (raw / name).write_bytes(gzip.compress(claim) if zipped else claim)
    err = run("train-e2e --dataset mnist --data-dir data --no-download --epochs 1", code=2).err
    assert err.count("\n") == 1
    assert name in err


def test_a_head_that_does_not_fit_is_refused(run: Nccli) -> None:
    images = np.random.default_rng(0).integers(0, 255, (8, 1, 8, 8), dtype=np.uint8)
    np.savez(run.folder / "own.npz", x_train=images, y_train=np.repeat(np.arange(2), 4))
    for option in ("--width 1000000", "--L 1000000 --width 1000", "--L 1000000000"):
        err = run(f"train-e2e --dataset own.npz --backbone mlp --epochs 1 {option}", code=2).err
        assert "may be used here" in err
        assert err.count("\n") == 1
    assert not (run.folder / "nccli.db").exists()
