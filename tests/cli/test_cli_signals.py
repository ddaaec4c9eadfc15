"""Ctrl-C and SIGTERM while runs are in training: what there is is stored, and the same command goes on from it."""

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.command import Nccli
from tests.cli.sql import query
from tests.cli.terminal import terminal

STEPS = 8_000
TRAIN = "train-dufm --K 4 --L 3 --n 1 --width 6 --seed 0,1 --tol 0"
SOON = f"{TRAIN} --steps {STEPS}"
NEVER = f"{TRAIN} --steps 1000000000"


@dataclass(frozen=True)
class Stopped:
    """A training that got signals once it was under way.

    Attributes:
        path: the store.
        code: exit code; negative for a signal.
        ids: on stdout.
        shown: on the terminal.
    """

    path: Path
    code: int
    ids: list[str]
    shown: str


def stop_training(nccli: Nccli, line: str, *signals: signal.Signals, **env: str) -> Stopped:
    """Train until the progress bar shows steps, then send the signals."""
    with terminal() as screen, nccli.start(line, env, stderr=screen.end) as training:
        screen.wait_for(r"step [1-9]")
        for each in signals:
            training.send_signal(each)
        out, _ = training.communicate(timeout=30)
        shown = screen.drain()
    return Stopped(nccli.folder / "nccli.db", training.returncode, out.decode().split(), shown)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    """Without a C compiler, so that the steps take seconds."""
    return stop_training(Nccli(tmp_path_factory.mktemp("interrupted")), SOON, signal.SIGINT, CC="")


def test_ctrl_c_ends_training_with_130_and_prints_the_ids_of_what_was_stored(interrupted: Stopped) -> None:
    assert interrupted.code == 130
    assert len(interrupted.ids) == 2
    assert "nccli: interrupted: 2 of 2 runs interrupted" in interrupted.shown
    assert "Traceback" not in interrupted.shown


def test_interrupted_runs_are_stored_with_their_metrics_and_history(interrupted: Stopped) -> None:
    for record in Nccli(interrupted.path.parent)(f"runs show {' '.join(interrupted.ids)}").records:
        assert record["status"] == "interrupted"
        assert 0 < record["steps"] < STEPS
        assert 0 < record["loss"] < 1
        assert len(record["layers"]) == 5
        assert query(interrupted.path, "SELECT 1 FROM history WHERE run_id = ?", record["id"])


def test_the_same_command_trains_interrupted_runs_again_to_the_end(interrupted: Stopped) -> None:
    nccli = Nccli(interrupted.path.parent)
    assert {record["stored"] for record in nccli(f"{SOON} --dry-run").records} == {None}
    again = nccli.apart(f"{SOON} --format jsonl --quiet").records
    assert [record["id"] for record in again] == interrupted.ids
    assert [(record["status"], record["steps"]) for record in again] == [("stopped", STEPS)] * 2


def test_sigterm_ends_training_with_143_and_stores_the_runs_as_interrupted(run: Nccli) -> None:
    ended = stop_training(run, NEVER, signal.SIGTERM)
    assert ended.code == 143
    stored = query(ended.path, "SELECT id, status FROM run")
    assert {row["id"]: row["status"] for row in stored} == dict.fromkeys(ended.ids, "interrupted")
    assert len(ended.ids) == 2


def test_a_second_ctrl_c_ends_at_once_and_leaves_the_store_sound(run: Nccli) -> None:
    ended = stop_training(run, NEVER, signal.SIGINT, signal.SIGINT)
    assert ended.code in (130, -signal.SIGINT)
    assert "Traceback" not in ended.shown
    assert "internal error" not in ended.shown
    assert all(record["ok"] for record in run("store check").records)
