"""A folder with a store of every kind of run, one of them damaged, and with all that a path can lead to."""

import inspect
import math
import os
import shutil
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

from tests.cli.command import Ended, environment
from tests.cli.in_process import run_in_process

_MADE = (
    "train-dufm --K 4 --L 2,3 --n 2 --width 8 --steps 50 --seed 0..1",
    "train-dufm --K 4 --L 3 --n 2 --width 8 --lr 1e6 --steps 50",
    "train-e2e --dataset images.npz --backbone mlp --L 2 --width 8 --epochs 1",
    "construct --kind dnc --K 4 --L 3 --width 8",
    "construct --kind srg --K 6 --L 3",
    "construct --kind graph --graph square --L 3",
    "construct --kind bipartition --K 6 --L 3",
    "measure good.npz",
    "measure --model own:network --dataset images.npz",
    "runs export -o all.jsonl",
    "runs export -o exported",
    "store backup second.db",
)
FILES = (
    *("good.npz", "good.pt", "good.safetensors", "cut.npz", "cut.pt", "cut.safetensors", "images.npz", "all.jsonl"),
    *("exported", "nccli.db", "second.db", "other.db", "folder", "pipe", "link", "link.jsonl", "hard.jsonl", "loop"),
    *("nowhere/at/all", "missing.npz", "empty.npz", "text.jsonl", ".", "/", "/dev/null", "/dev/zero", "*.npz", "~"),
    *("link.svg", "hard.npz", "pipe.npz", "folder.pt", "/proc/self/mem", "new.db", "nccli.db-journal"),
)
"""Paths in the folder and out of it, there or not."""


def network(shape: tuple[int, ...], K: int = 3) -> nn.Module:
    """A network of somebody's own."""
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 8), nn.ReLU(), nn.Linear(8, K))


def nothing() -> None:
    """What returns no network."""


def failing() -> nn.Module:
    """What fails.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("no\nnetwork")


def nccli(folder: Path, arguments: list[str], stdin: bytes = b"") -> Ended:
    """A command, in this process."""
    return Ended(*run_in_process(["nccli", *arguments], folder, environment(), stdin))


def write_inputs(folder: Path) -> None:
    """Files of features in every format, an image set, and functions that return networks."""
    rng = np.random.default_rng(0)
    features = {"features": rng.normal(size=(12, 5)).astype("f4"), "labels": np.repeat(np.arange(3), 4)}
    np.savez(folder / "good.npz", **features)
    save_file(features, folder / "good.safetensors")
    torch.save({name: torch.from_numpy(values) for name, values in features.items()}, folder / "good.pt")
    pixels = rng.integers(0, 256, size=(12, 8, 8), dtype="u1")
    labels = np.repeat(np.arange(3), 4)
    np.savez(folder / "images.npz", x_train=pixels, y_train=labels, x_test=pixels[::2], y_test=labels[::2])
    parts = (network, nothing, failing)
    (folder / "own.py").write_text("import math\nfrom torch import nn\n" + "\n\n".join(map(inspect.getsource, parts)))


def make(folder: Path) -> list[str]:
    """Fill an empty folder; returns the ids of the runs, the damaged one first."""
    write_inputs(folder)
    for name in ("good.npz", "good.pt", "good.safetensors"):
        content = (folder / name).read_bytes()
        (folder / name.replace("good", "cut")).write_bytes(content[: len(content) // 2])
    (folder / "empty.npz").touch()
    (folder / "text.jsonl").write_text("Lorem ipsum\n")
    with closing(sqlite3.connect(folder / "other.db")) as connection:
        connection.execute("CREATE TABLE run (id TEXT)")
    for line in _MADE:
        ended = nccli(folder, line.split())
        assert ended.code in (0, 4), f"{line}: {ended.err}"
    with closing(sqlite3.connect(folder / "nccli.db")) as connection:
        ids = [key for (key,) in connection.execute("SELECT id FROM run ORDER BY kind != 'dufm', id")]
        connection.execute("UPDATE run SET loss_dnc = 0 WHERE id = ?", ids[:1])
        connection.commit()
    return ids


def copy(origin: Path, folder: Path) -> None:
    """A copy of the folder, with what cannot be copied."""
    shutil.copytree(origin, folder)
    (folder / "folder" / "class").mkdir(parents=True)
    (folder / "folder.pt").mkdir()
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.npz")
    for name in ("link", "link.jsonl", "link.svg"):
        (folder / name).symlink_to("nccli.db")
    for name in ("hard.jsonl", "hard.npz"):
        (folder / name).hardlink_to(folder / "nccli.db")
    (folder / "loop").symlink_to("loop")


TAGGED = ("tag", "checksum")
"""What a new name of a run changes."""


def rows(path: Path, without: Collection[str] = ()) -> dict[str, set[str]]:
    """The rows of a store in SQL, by run, without some columns; nothing where there is no store."""
    found: dict[str, set[str]] = {}
    with closing(sqlite3.connect(path)) as connection:
        for table in ("run", "layer", "singular_value", "history", "matrix"):
            key = "id" if table == "run" else "run_id"
            result = connection.execute(f"SELECT {key}, * FROM {table}")
            kept = [i for i, (name, *_) in enumerate(result.description) if name not in without]
            for row in result:
                found.setdefault(row[0], set()).add(repr((table, *(row[i] for i in kept))))
    return found
