"""train-e2e under torchrun: two processes train and store one run, and print it once."""

import subprocess
import sys
from pathlib import Path

from tests.cli.command import environment
from tests.cli.sql import query
from tests.e2e.image_files import write_npz

TINY = "train-e2e --dataset own.npz --backbone small-cnn --L 3 --width 6 --batch-size 16 --epochs 2"


def two_processes(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """`torchrun --nproc-per-node 2 -m nccli LINE` in a folder."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launcher, "-m", "nccli", *line.split()],
        cwd=folder,
        env=environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_two_processes_store_one_run_and_print_it_once(tmp_path: Path) -> None:
    write_npz(tmp_path / "own.npz")
    ended = two_processes(tmp_path, f"{TINY} --seed 1,2")
    assert ended.returncode == 0, ended.stderr
    runs = query(tmp_path / "nccli.db", "SELECT id, status FROM run ORDER BY seed")
    assert [run["status"] for run in runs] == ["stopped", "stopped"]
    assert ended.stdout.split() == [run["id"] for run in runs]
