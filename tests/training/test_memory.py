"""How much memory is free: the least of what the machine and the control group leave."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from nccli.training import memory
from nccli.training.memory import free_bytes


def test_the_memory_that_is_free_is_some_of_the_machine() -> None:
    assert 0 < free_bytes("cpu") <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 4_000_000),
        ({"memory.max": "max\n", "memory.current": "5\n"}, 4_000_000),
        ({"memory.max": "900000\n", "memory.current": "200000\n"}, 700_000),
        ({"memory.max": "90000000\n", "memory.current": "200000\n"}, 4_000_000),
        ({"memory.max": "900000\n"}, 4_000_000),
    ],
)
def test_the_least_of_what_is_free_is_free(
    files: dict[str, str], free: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=4_000_000))
    assert free_bytes("cpu") == free
