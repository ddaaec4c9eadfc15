"""How much memory is free: the least of what the machine and the control group leave."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from nccli.errors import InputError
from nccli.training import memory
from nccli.training.memory import free_bytes, in_words, require_memory


def test_the_memory_that_is_free_is_some_of_the_machine() -> None:
    assert 0 < free_bytes("cpu") <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({"memory/memory.limit_in_bytes": "900000\n", "memory/memory.usage_in_bytes": "200000\n"}, 700_000),
        ({"job/memory.max": "900000\n", "job/memory.current": "200000\n"}, 700_000),
        (
            {
                "job/step/memory.max": "max",
                "job/step/memory.current": "1",
                "job/memory.max": "5",
                "job/memory.current": "9",
            },
            0,
        ),
        ({"memory.max": "900000", "memory.current": "200000", "memory.stat": "file 9\ninactive_file 50000\n"}, 750_000),
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
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    own = tmp_path / "cgroup"
    own.write_text("4:memory,cpu:/docker\n0::/job/step\n")
    monkeypatch.setattr(memory, "_OWN_CGROUP", own)
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=4_000_000))
    assert free_bytes("cpu") == free


def test_the_limit_of_addresses_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    used = psutil.Process().memory_info().vms
    monkeypatch.setattr(memory.resource, "getrlimit", lambda which: (used + 2**20, used + 2**20))
    assert free_bytes("cpu") <= 2**21


def test_what_does_not_fit_is_refused_with_what_there_is_and_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: 3 * 2**30)
    require_memory("a matrix", 3 * 2**30, "a smaller --width")
    with pytest.raises(InputError, match=r"^a matrix takes 1e\+30 GiB, and 3 GiB may be used here: a smaller --width$"):
        require_memory("a matrix", 10**30 * 2**30, "a smaller --width")


@pytest.mark.parametrize(("size", "text"), [(0, "0 bytes"), (2**20, "1 MiB"), (3.25 * 2**30, "3.25 GiB")])
def test_bytes_are_told_in_words(size: float, text: str) -> None:
    assert in_words(size) == text
