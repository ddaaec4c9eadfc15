"""Ctrl-C and SIGTERM at a bad moment: while Python imports, while a command waits. Never a traceback."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.command import Nccli

AT_IMPORT = """
import os, signal, sys

class Interrupt:
    waiting = {modules}
    def find_spec(self, name, path=None, target=None):
        if self.waiting and name == self.waiting[0]:
            self.waiting.pop(0)
            os.kill(os.getpid(), signal.{signal})

sys.meta_path.insert(0, Interrupt())
"""
TRAIN = "nccli train-dufm --K 4 --L 3 --n 1 --width 6 --steps 50 --quiet"


def stopped_at(run: Nccli, modules: list[str], name: str = "SIGINT") -> str:
    """Start a training that gets a signal as each of the modules is imported; its stderr.

    Without a compiler, so that it is PyTorch that trains.
    """
    hook = run.folder / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(AT_IMPORT.format(modules=modules, signal=name))
    ended = run.sh(f"{TRAIN}; echo $?", PYTHONPATH=str(hook), CC="")
    assert ended.out.splitlines()[-1] == {"SIGINT": "130", "SIGTERM": "143"}[name]
    return ended.err


@pytest.mark.parametrize("module", ["nccli.errors", "typer", "alembic", pytest.param("torch", marks=pytest.mark.long)])
def test_ctrl_c_while_modules_are_imported_gives_no_traceback(run: Nccli, module: str) -> None:
    err = stopped_at(run, [module])
    assert all(line.startswith("nccli: ") for line in err.splitlines())


@pytest.mark.long
def test_a_second_ctrl_c_while_torch_is_imported_gives_no_traceback(run: Nccli) -> None:
    err = stopped_at(run, ["torch", "torch.nn"])
    assert all(line.startswith("nccli: ") for line in err.splitlines())


def test_sigterm_while_modules_are_imported_gives_143(run: Nccli) -> None:
    assert stopped_at(run, ["nccli.cli.app"], "SIGTERM") == ""


def test_ctrl_c_while_ids_are_awaited_on_stdin_ends_quietly(own_grid: Path, run: Nccli) -> None:
    assert own_grid.is_file()
    with run.start("compare -", stdin=subprocess.PIPE) as waiting:
        time.sleep(1.5)
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=10)
    assert (waiting.returncode, out, err) == (130, b"", b"")
