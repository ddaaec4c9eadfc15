"""SIGKILL, a power cut for a process: the same command goes on, and ends as if nothing had happened."""

import signal
import time
from pathlib import Path

import pytest

from tests.cli.command import Nccli
from tests.cli.sql import histories, query

STEPS = 4_000
SWEEP = "train-dufm --K 4 --L 3 --n 2 --width 6 --seed 0..2 --tol 0 --quiet"
RESULT = "SELECT id, status, steps, loss, grad_norm, collapsed_at FROM run ORDER BY id"
OFTEN = {"NCCLI_CHECKPOINT_SECONDS": "0"}


def kill_when_saved(nccli: Nccli, line: str, times: int, **env: str) -> None:
    """Start the command and kill it once its state has been written, again and again."""

    def written() -> dict[Path, int]:
        """Whole files: those that are being written have names that begin with a dot."""
        return {path: path.stat().st_mtime_ns for path in nccli.folder.glob("[!.]*-checkpoint-*")}

    for _ in range(times):
        seen = written()
        with nccli.start(line, {**OFTEN, **env}) as training:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and training.poll() is None:
                if (now := written()) and now != seen:
                    break
                time.sleep(0.01)
            training.send_signal(signal.SIGKILL)
            training.communicate(timeout=30)
        assert training.returncode == -signal.SIGKILL, "it ended before it was killed"


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_killed_sweep_goes_on_and_ends_as_an_undisturbed_one(
    tmp_path_factory: pytest.TempPathFactory, run: Nccli, times: int
) -> None:
    sweep = f"{SWEEP} --steps {STEPS * times}"
    slow = {"CC": ""}  # plain steps, so that the sweep takes seconds
    kill_when_saved(run, sweep, times=times, **slow)
    assert all(record["stored"] is None for record in run(f"{sweep} --dry-run", **slow).records)
    steps = {record["from_step"] for record in run(f"{sweep} --dry-run", **slow).records}
    assert len(steps) == 1
    assert 0 < steps.pop() < STEPS * times
    ids = run.apart(sweep, **slow).ids
    undisturbed = Nccli(tmp_path_factory.mktemp("undisturbed"), installed=True)
    assert undisturbed(sweep, **slow).ids == ids
    stores: list[Path] = [run.folder / "nccli.db", undisturbed.folder / "nccli.db"]
    for question in (lambda store: query(store, RESULT), histories):
        first, second = map(question, stores)
        assert first == second
    assert list(run.folder.glob("*checkpoint*")) == []
    assert all(record["ok"] for record in run("store check").records)
