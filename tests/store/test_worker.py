"""Whether a process still runs: never said of one that cannot be seen, never denied of one that lives."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import pytest

from nccli.store.runs.worker import lives, this_process

HERE = this_process()
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def worker(**changes: Any) -> dict[str, Any]:
    """A row of the store: the process of the tests, but for some columns."""
    return {**asdict(HERE), **changes}


def start_of(pid: int) -> str:
    """What a process writes of its own start, here of another one: field 22 of proc(5), as older versions wrote it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is killed."""
    with subprocess.Popen(SLEEP) as process:
        yield process
        process.kill()


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_this_process_lives() -> None:
    assert lives(worker()) is True


def test_two_identities_of_one_process_differ_in_their_id_alone() -> None:
    first, second = asdict(this_process()), asdict(this_process())
    assert first.pop("id") != second.pop("id")
    assert first == second


@linux
def test_the_start_is_written_as_older_versions_wrote_it(sleeper: subprocess.Popen[bytes]) -> None:
    assert HERE.process_start == start_of(os.getpid())
    assert lives(worker(pid=sleeper.pid, process_start=start_of(sleeper.pid))) is True


@linux
def test_a_process_that_ended_is_dead_waited_for_or_not(sleeper: subprocess.Popen[bytes]) -> None:
    row = worker(pid=sleeper.pid, process_start=start_of(sleeper.pid))
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # a zombie: its parent has not asked how it ended
    assert psutil.pid_exists(sleeper.pid)
    assert lives(row) is False
    sleeper.wait()
    assert lives(row) is False


@pytest.mark.parametrize("pid", [2**22 + 1, 2**62])
def test_a_number_of_no_process_is_dead(pid: int) -> None:
    assert lives(worker(pid=pid)) is False


def test_a_number_that_another_process_has_now_is_dead(sleeper: subprocess.Popen[bytes]) -> None:
    assert lives(worker(pid=sleeper.pid, process_start=str(int(HERE.process_start) - 1000))) is False
    assert lives(worker(process_start="1")) is False


@pytest.mark.parametrize("text", ["", "yesterday", "1795734186.16 s"])
def test_a_start_that_is_not_known_tells_nothing(text: str) -> None:
    assert lives(worker(process_start=text)) is None


@pytest.mark.parametrize("other", ["", "another boot", f"{HERE.place}1"])
def test_a_process_of_another_place_cannot_be_seen(other: str) -> None:
    assert lives(worker(place=other)) is None
    assert lives(worker(place=other, pid=2**22 + 1)) is None


@pytest.mark.parametrize("refusal", [psutil.AccessDenied, psutil.NoSuchProcess, PermissionError])
def test_a_process_of_another_user_that_the_system_hides_tells_nothing(
    monkeypatch: pytest.MonkeyPatch, refusal: type[Exception]
) -> None:
    """The number is taken (kill(2) says "not permitted"), and all else of it may be out of sight."""

    def refuse(self: psutil.Process) -> str:
        raise refusal(self.pid)

    monkeypatch.setattr(psutil.Process, "status", refuse)
    assert lives(worker()) is None


@pytest.mark.parametrize("seconds", [-3600.0, 0.9, 86400.0])
def test_a_clock_that_is_set_kills_nobody(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """With it moves the hour at which the system seems to have booted, and at which processes seem to have started."""
    boot, created = psutil.boot_time(), psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: boot + seconds)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: created(self) + seconds)
    assert lives(worker()) is True or not psutil.LINUX


def test_without_proc_a_place_is_the_machine_since_its_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "LINUX", False)
    here = asdict(this_process())
    assert here["place"] not in ("", HERE.place)
    assert lives(here) is True
    assert lives({**here, "process_start": "1"}) is False
    monkeypatch.setattr(psutil, "boot_time", lambda: 1e9)
    assert lives(here) is None, "booted since"
