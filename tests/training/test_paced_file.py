"""A file that is written now and then: where it cannot be, that is told now and then, and nothing else changes."""

import errno
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from nccli.e2e.checkpoint import RunCheckpoint
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.together import train_together
from nccli.training import paced_file
from nccli.training.paced_file import Complaints, PacedFile
from nccli.training.watch import Watch
from tests.e2e.image_files import config_of, image_set


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as its only element."""
    now = [1000.0]
    monkeypatch.setattr(paced_file.time, "monotonic", lambda: now[0])
    return now


def full(file: BinaryIO) -> None:
    """Write as onto a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_failure_is_told_once_and_then_once_a_minute(tmp_path: Path, now: list[float]) -> None:
    said: list[str] = []
    file = PacedFile(tmp_path / "state")
    for _ in range(300):
        file.replace(full, said.append)
        now[0] += 1.0
    assert said == [f"the checkpoint {tmp_path / 'state'} cannot be written: No space left on device"] * 5
    assert list(tmp_path.iterdir()) == []


def test_files_that_fail_for_one_reason_share_a_line(tmp_path: Path, now: list[float]) -> None:
    said, complaints = list[str](), Complaints()
    for i in range(9):
        PacedFile(tmp_path / str(i), complaints).replace(full, said.append)
    assert len(said) == 1


def test_after_a_failure_it_is_due_as_after_a_success(tmp_path: Path, now: list[float]) -> None:
    waits = []
    for write in (full, lambda file: file.write(b"x")):
        file = PacedFile(tmp_path / "state")
        now[0] += 60.0
        assert file.due

        def slowly(target: BinaryIO, write: Any = write) -> None:
            now[0] += 2.0
            write(target)

        file.replace(slowly, lambda text: None)
        began = now[0]
        while not file.due:
            now[0] += 1.0
        waits.append(now[0] - began)
    assert waits == [200.0, 200.0], "1 % of the time"


def test_what_was_there_stays(tmp_path: Path, now: list[float]) -> None:
    file = PacedFile(tmp_path / "state")
    file.replace(lambda target: target.write(b"whole"), pytest.fail)
    file.replace(full, lambda text: None)
    assert file.path.read_bytes() == b"whole"


def test_a_network_is_trained_to_its_end_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.save says nothing of the disk: it fails with a RuntimeError of its own."""
    resource = pytest.importorskip("resource")
    monkeypatch.setenv("NCCLI_CHECKPOINT_SECONDS", "0")
    images, said, complaints = image_set(), list[str](), Complaints()
    configs = [config_of(images, steps=6, seed=seed) for seed in range(2)]
    checkpoints = [RunCheckpoint(tmp_path / f"{seed}.pt", complaints) for seed in range(2)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        watches = [Watch[Any](on_trouble=said.append)] * 2
        results = list(train_together(configs, DeviceSet(images, "cpu"), watches, checkpoints))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [result.status for result in results] == ["stopped", "stopped"]
    assert len(said) == 1
    assert said[0].endswith("cannot be written: File too large")
    assert list(tmp_path.iterdir()) == []
