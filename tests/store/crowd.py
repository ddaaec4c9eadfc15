"""Processes that use one store at the same time: `python -m tests.store.crowd SCENE STORE PROCESSES`.

They are forked from one process that has imported nccli, so that a crowd of them costs one start.
"""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from sqlalchemy import func, insert, select, update

from nccli.store import Store, save_run
from nccli.store.connection import store as store_module
from nccli.store.schema.tables import SINGULAR_VALUE, Run
from tests.store.example_runs import example_history, example_run

ROUNDS = 15
NEW_STORES = 4
_ROOT = Path(__file__).parents[2]
_FORK = multiprocessing.get_context("fork")


def crowd(scene: str, place: Path | str, count: int) -> subprocess.CompletedProcess[str]:
    """Play a scene in a fresh process; its exit code is the number of processes that failed."""
    command = [sys.executable, "-m", "tests.store.crowd", scene, str(place), str(count)]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False)


def new_stores(path: Path) -> list[str]:
    """The files that the scenes "create" and "create_with_wal" make: several, so that a rare race shows."""
    return [str(path.with_name(f"{i}-{path.name}")) for i in range(NEW_STORES)]


def increment(path: str) -> None:
    """Read, wait a little, write what was read plus one; and insert a row whose key follows from what was read."""
    store = Store.open(path)
    for _ in range(ROUNDS):
        with store.write() as connection:
            steps, key = connection.execute(select(Run.steps, Run.id)).one()
            last = connection.scalar(select(func.max(SINGULAR_VALUE.c.index)))
            time.sleep(0.001)
            connection.execute(update(Run).values(steps=steps + 1))
            value = {"run_id": key, "layer": 1, "stage": "post", "index": last + 1, "value": 0.0}
            connection.execute(insert(SINGULAR_VALUE), value)


def create(path: str) -> None:
    """Make a store."""
    Store.create(path)


def create_with_wal(path: str) -> None:
    """Make a store as where write-ahead logging is sound."""
    store_module.choose_journal = lambda path, version: "wal"
    Store.create(path)


def write_without_end(path: str, first: int) -> None:
    """Save the same five runs again and again; the loss of each is the number of the write, and tells its history."""
    store = Store.open(path)
    for i in range(first, first + 1_000_000):
        save_run(store, example_run(seed=i % 5, loss=float(i), history=example_history(i % 4)))


def together(action: Callable[[str], None], paths: list[str], count: int) -> int:
    """Processes that failed, of `count` that act at the same moment on one path after the other."""
    gate = _FORK.Barrier(count)

    def run() -> None:
        faults = []
        for path in paths:
            gate.wait(30)
            try:
                action(path)
            except Exception as fault:
                faults.append(f"{Path(path).name}: {type(fault).__name__}: {fault}")
        sys.exit("\n".join(faults) or 0)

    processes = [_FORK.Process(target=run) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return sum(process.exitcode != 0 for process in processes)


def kill(path: str, count: int) -> int:
    """Kill `count` writers with SIGKILL, each at a random moment; those that ended before, by a fault, count.

    Moments are of a writer's own processor time: others may have the cores.
    """
    rng, failed = random.Random(0), 0
    _ = example_run().layers[0].structure  # what is imported at the first use is imported before the fork
    for i in range(count):
        writer = _FORK.Process(target=write_without_end, args=(path, 3 * i))
        writer.start()
        moment, working = rng.uniform(0.02, 0.2), psutil.Process(writer.pid)
        while writer.is_alive() and sum(working.cpu_times()[:2]) < moment:
            time.sleep(0.002)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        failed += writer.exitcode != -signal.SIGKILL
    return failed


if __name__ == "__main__":
    _, scene, path, count = sys.argv
    if scene == "kill":
        sys.exit(kill(path, int(count)))
    if scene in ("increment", "create_one"):
        sys.exit(together({"increment": increment, "create_one": create}[scene], [path], int(count)))
    sys.exit(
        together({"create": create, "create_with_wal": create_with_wal}[scene], new_stores(Path(path)), int(count))
    )
