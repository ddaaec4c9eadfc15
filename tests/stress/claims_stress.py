"""Two hosts at one store, played by process-number namespaces: `tests/stress/claims_stress.py [SCENE…]`

Every scene prints one JSON line with its figures, and the program ends with 1 if any of them is not as promised.
Namespaces need Linux, and root or unprivileged user namespaces (`unshare`). Limits are shortened to seconds.
"""

import argparse
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
from datetime import UTC, datetime, timedelta
from nccli.store.runs import claims

claims.BEAT_SECONDS, claims.WATCH_SECONDS, hours = 0.2, 2.0, float(sys.argv.pop(1))
claims.now = lambda: (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="microseconds")
sys.argv[0] = "nccli"
from nccli.cli import main
main()
"""
ELSEWHERE = ("unshare", "--user", "--map-current-user", "--pid", "--fork", "--kill-child", "--mount-proc")
SLOWLY = {"CC": "", "OMP_NUM_THREADS": "1", "NCCLI_CHECKPOINT_SECONDS": "0.5"}
LONG = "train-dufm --K 4 --L 3 --n 2 --width 6 --tol 0 --seed 0 --steps 150000"


def start(line: str, store: Path, hours: float = 0.0, elsewhere: bool = False) -> "subprocess.Popen[str]":
    """Start the command, on a host of its own if asked to, whose clock is some hours off."""
    prefix = ELSEWHERE if elsewhere else ()
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", PROGRAM, str(hours), *line.split(), "--store", str(store)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **SLOWLY},
        cwd=store.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def asked(store: Path, question: str) -> list[Any]:
    """What the database says; nothing while there is none."""
    if not store.exists():
        return []
    with closing(sqlite3.connect(store, timeout=30)) as connection:
        try:
            return connection.execute(question).fetchall()
        except sqlite3.OperationalError:
            return []


def until(holds: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def inner(process: "subprocess.Popen[str]") -> int:
    """The number of the command itself, below `unshare`."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until(lambda: children.read_text().split())
    return int(children.read_text().split()[0])


def stop(process: "subprocess.Popen[str]", store: Path) -> None:
    """Stop the command below `unshare`, but not while it holds the store, for which others would wait in vain."""
    while True:
        os.kill(inner(process), signal.SIGSTOP)
        with closing(sqlite3.connect(store, timeout=0.5, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(inner(process), signal.SIGCONT)
                continue
            return


def overtaken(folder: Path) -> dict[str, Any]:
    """A training is stopped, another host takes it over and finishes, and the first goes on."""
    store, row = folder / "runs.db", "SELECT id, status, seconds, loss, created FROM run"
    first = start(LONG, store, elsewhere=True)
    until(lambda: asked(store, "SELECT 1 FROM claim"))
    time.sleep(1.0)
    stop(first, store)
    began = time.monotonic()
    second = start(LONG, store)
    out, err = second.communicate()
    finished, stopped = asked(store, row), time.monotonic() - began
    os.kill(inner(first), signal.SIGCONT)
    late_out, late_err = first.communicate()
    after = asked(store, row)
    good = finished == after and (first.returncode, second.returncode) == (0, 0) and out == late_out
    return {
        "ok": good and "came late and is dropped" in late_err and "made elsewhere" in err,
        "stopped_seconds": round(stopped, 1), "unchanged": finished == after, "said": late_err.splitlines()[-1:],
    }  # fmt: skip


def made_at_once(folder: Path) -> dict[str, Any]:
    """The first goes on while the other is still making the run."""
    store = folder / "runs.db"
    first = start(LONG, store, elsewhere=True)
    until(lambda: asked(store, "SELECT 1 FROM claim"))
    worker = asked(store, "SELECT worker_id FROM claim")
    stop(first, store)
    second = start(LONG, store, elsewhere=True)
    until(lambda: asked(store, "SELECT worker_id FROM claim") not in (worker, []))
    stop(second, store)  # it lives, as far as the first can tell in so short a time
    os.kill(inner(first), signal.SIGCONT)
    _, late_err = first.communicate()
    between = asked(store, "SELECT status FROM run")
    os.kill(inner(second), signal.SIGCONT)
    second.communicate()
    after, files = asked(store, "SELECT status FROM run"), list(folder.glob("*-rescue-*.db"))
    rescued = [asked(file, "SELECT status FROM run") for file in files]
    good = between == [("running",)] and after == [("stopped",)] and rescued == [[("stopped",)]]
    return {"ok": good and (first.returncode, second.returncode) == (0, 0), "said": late_err.splitlines()[-1:]}


def clocks(folder: Path) -> dict[str, Any]:
    """Hosts whose clocks are hours off train, read, and wait for each other."""
    seen = {}
    for hours in (1 / 3, -1 / 3, 24.0, -24.0):
        store = folder / f"{hours}.db"
        first = start(LONG, store, hours, elsewhere=True)
        until(lambda store=store: asked(store, "SELECT 1 FROM claim"))
        statuses = set()
        second = start(LONG, store)
        while first.poll() is None:
            start("runs list --quiet", store).communicate()
            statuses |= set(asked(store, "SELECT status FROM run"))
            time.sleep(0.2)
        first.communicate()
        _, err = second.communicate()
        rows = asked(store, "SELECT status FROM run")
        waited = "made elsewhere" in err and rows == [("stopped",)]
        seen[f"{hours:+.2f} h"] = waited and statuses <= {("running",), ("stopped",)}
    return {"ok": all(seen.values()), **seen}


def stopped_seconds(folder: Path) -> dict[str, Any]:
    """The time in which a training was stopped is not its own."""
    store, pause = folder / "runs.db", 10.0
    began = time.monotonic()
    training = start(LONG, store)
    until(lambda: list(folder.glob("runs.db-checkpoint-*")))  # steps are being taken
    training.send_signal(signal.SIGSTOP)
    time.sleep(pause)
    training.send_signal(signal.SIGCONT)
    training.communicate()
    whole = time.monotonic() - began
    ((seconds,),) = asked(store, "SELECT seconds FROM run")
    return {"ok": 0 < seconds < whole - pause, "seconds": round(seconds, 2), "whole": round(whole, 2), "pause": pause}


SCENES: dict[str, Callable[[Path], dict[str, Any]]] = {
    each.__name__: each for each in (overtaken, made_at_once, clocks, stopped_seconds)
}


def main() -> int:
    """Play the scenes that were asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", nargs="*", choices=[*SCENES, []], default=list(SCENES))
    scenes = parser.parse_args().scenes
    if shutil.which("unshare") is None or subprocess.run([*ELSEWHERE, "true"], check=False).returncode:
        sys.exit("no process-number namespaces here")
    failed = 0
    for name in scenes:
        with tempfile.TemporaryDirectory() as folder:
            found = SCENES[name](Path(folder))
        print(json.dumps({"scene": name, **found}), flush=True)
        failed += not found["ok"]
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
