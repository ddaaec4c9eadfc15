"""train-e2e under torchrun: two processes train and store one run, and print it once."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.cli.command import Nccli, environment
from tests.cli.sql import query
from tests.e2e.image_files import write_npz

TINY = "train-e2e --dataset own.npz --backbone small-cnn --L 3 --width 6 --batch-size 16 --epochs 2"


LAUNCHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "nccli"]


def two_processes(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """`torchrun --nproc-per-node 2 -m nccli LINE` in a folder."""
    return subprocess.run(
        [*LAUNCHER, *line.split()],
        cwd=folder,
        env=environment(OMP_NUM_THREADS="1"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.long
def test_two_processes_store_one_run_and_print_it_once(tmp_path: Path) -> None:
    write_npz(tmp_path / "own.npz")
    ended = two_processes(tmp_path, f"{TINY} --seed 1,2")
    assert ended.returncode == 0, ended.stderr
    runs = query(tmp_path / "nccli.db", "SELECT id, status FROM run ORDER BY seed")
    assert [run["status"] for run in runs] == ["stopped", "stopped"]
    assert ended.stdout.split() == [run["id"] for run in runs]


@pytest.mark.long
def test_two_processes_that_are_killed_go_on_and_reach_what_one_process_reaches(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write_npz(tmp_path / "own.npz")
    line = f"{TINY.replace('--epochs 2', '--steps 400')} --augment --momentum 0 --lr 0.02 --quiet"
    often = environment(OMP_NUM_THREADS="1", NCCLI_CHECKPOINT_SECONDS="0")
    with subprocess.Popen([*LAUNCHER, *line.split()], cwd=tmp_path, env=often, stderr=subprocess.DEVNULL) as both:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and both.poll() is None and not [*tmp_path.glob("[!.]*-checkpoint-*")]:
            time.sleep(0.01)
        assert both.poll() is None, "it ended before it was killed"
        processes = [psutil.Process(both.pid), *psutil.Process(both.pid).children(recursive=True)]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=30)
    assert not query(tmp_path / "nccli.db", "SELECT 1 FROM run WHERE status = 'stopped'")
    ended = two_processes(tmp_path, line)
    assert ended.returncode == 0, ended.stderr
    alone = Nccli(tmp_path_factory.mktemp("alone"))
    write_npz(alone.folder / "own.npz")
    alone(line)
    question = "SELECT status, steps, loss, train_accuracy FROM run"
    (found,), (wanted,) = (query(folder / "nccli.db", question) for folder in (tmp_path, alone.folder))
    assert (found["status"], found["steps"]) == (wanted["status"], wanted["steps"]) == ("stopped", 400)
    assert found["loss"] == pytest.approx(wanted["loss"], rel=1e-3)
    assert found["train_accuracy"] == pytest.approx(wanted["train_accuracy"], abs=0.05)
    assert [*tmp_path.glob("*checkpoint*")] == []
