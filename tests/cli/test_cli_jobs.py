"""`--jobs N`: several processes at the command line, and what becomes of them when the command ends in any way."""

import signal
import time

import psutil
import pytest

from tests.cli.command import Nccli
from tests.cli.sql import query
from tests.sweep.crew_processes import crew_of

LONG = "train-dufm --K 4 --L 3 --n 2 --width 6 --tol 0 --steps 900000000 --seed 0..3 --jobs 2"


def begun(pid: int) -> list[psutil.Process]:
    """The two processes of a command, once each has used a core for a while."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        found = crew_of(psutil.Process(pid))
        if len(found) == 2 and all(each.cpu_times().user > 2 for each in found):
            return found
        time.sleep(0.1)
    raise AssertionError("no two processes train")


@pytest.mark.long
def test_several_processes_print_what_one_prints(run: Nccli) -> None:
    line = "train-dufm --K 3 --L 3 --n 2 --width 6 --steps 200 --seed 0..3"
    alone = run(f"{line} --store alone.db")
    shared = run.apart(f"{line} --jobs 2")
    assert shared.ids == alone.ids
    assert "2 processes with" in shared.err
    same = "SELECT id, loss, steps, status FROM run ORDER BY id"
    assert query(run.folder / "nccli.db", same) == query(run.folder / "alone.db", same)


@pytest.mark.parametrize("value", ["0", "-1", "two"])
def test_a_number_of_processes_is_a_positive_one(run: Nccli, value: str) -> None:
    assert "--jobs" in run(f"train-dufm --jobs {value}", code=2).err


def test_an_interrupted_command_takes_its_processes_along_and_stores_what_they_had(run: Nccli) -> None:
    with run.start(LONG) as command:
        crew = begun(command.pid)
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=60)
    assert command.returncode == 130, err
    assert out.split()
    assert not [each for each in crew if each.is_running()]
    statuses = {row["status"] for row in query(run.folder / "nccli.db", "SELECT status FROM run")}
    assert statuses == {"interrupted"}


def test_processes_of_a_command_that_was_killed_end_by_themselves(run: Nccli) -> None:
    with run.start(LONG) as command:
        crew = begun(command.pid)
        command.send_signal(signal.SIGKILL)
        command.communicate(timeout=60)
    gone, left = psutil.wait_procs(crew, timeout=30)
    assert len(gone) == 2
    assert not left
