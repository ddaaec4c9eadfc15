"""What a store goes through in years, in minutes: `tests/stress/store_stress.py [SCENE…] [--quick] [--store URL]`

Every scene prints one JSON line with its figures, and the program ends with 1 if any of them is not as promised.
Scenes: writers, first_uses, readers, deaths, asked_twice, crowd_asked, million; with the installed command where a user
would.
"""

import argparse
import json
import multiprocessing
import os
import random
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
sys.path.insert(0, str(ROOT))

from nccli.errors import NccliError  # noqa: E402
from nccli.store import Store, check_store, run_records, save_run, select_runs  # noqa: E402
from tests.store.example_runs import STAGES, example_run  # noqa: E402

NCCLI = Path(sys.executable).with_name("nccli")
FORK = multiprocessing.get_context("fork")
TINY = "--K 4 --L 3 --n 2 --width 6 --tol 0 --quiet"
OFTEN = {"NCCLI_CHECKPOINT_SECONDS": "0", "CC": ""}


def nccli(line: str, store: Path, **env: str) -> "subprocess.Popen[bytes]":
    """Start the command on a store."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(
        [NCCLI, *line.split(), "--store", store], env={**os.environ, **env}, cwd=store.parent, **pipes
    )


def sound(path: Path) -> bool:
    """Whether `store check` is clean and every finished run is whole."""
    if not all(finding.ok for finding in check_store(Store.open(str(path)))):
        return False
    with closing(sqlite3.connect(path)) as connection:
        ended = connection.execute("SELECT id, L FROM run WHERE status IN ('stopped', 'converged')").fetchall()
        for rows, wanted in (("layer", lambda L: 2 * L - 1), ("matrix WHERE name = 'class_means'", lambda L: 1)):
            counts = dict(connection.execute(f"SELECT run_id, COUNT(*) FROM {rows} GROUP BY run_id"))
            if any(counts.get(key) != wanted(L) for key, L in ended):
                return False
    return True


def _write(location: str, first: int, runs: int, faults: Any) -> None:
    store = Store.open(location)
    for seed in range(first, first + runs):
        began = time.perf_counter()
        try:
            save_run(store, example_run(seed))
        except NccliError as error:
            faults.put(str(error))
        else:
            faults.put(time.perf_counter() - began)


def _drain(queue: Any, processes: list[Any]) -> list[Any]:
    found = []
    while any(process.is_alive() for process in processes) or not queue.empty():
        while not queue.empty():
            found.append(queue.get())
        time.sleep(0.01)
    for process in processes:
        process.join()
    while not queue.empty():
        found.append(queue.get())
    return found


def writers(folder: Path, quick: bool, location: str | None) -> dict[str, Any]:
    """16 processes that write 100 runs each."""
    count, runs = 16, 20 if quick else 100
    place = location or str(folder / "runs.db")
    Store.create(place)
    queue = FORK.Queue()
    began = time.perf_counter()
    processes = [FORK.Process(target=_write, args=(place, i * runs, runs, queue)) for i in range(count)]
    for process in processes:
        process.start()
    took = _drain(queue, processes)
    seconds = time.perf_counter() - began
    store = Store.open(place)
    with store.read() as connection:
        records = run_records(connection, select_runs(connection))
    whole = sum(len(record["layers"]) == len(STAGES) for record in records)
    faults = [each for each in took if isinstance(each, str)]
    times = [each for each in took if not isinstance(each, str)]
    good = whole == count * runs and not faults and all(finding.ok for finding in check_store(store))
    return {
        "ok": good, "processes": count, "runs": count * runs, "stored": len(records), "whole": whole,
        "errors": len(faults), "first_error": faults[:1], "seconds": round(seconds, 1),
        "longest_save": round(max(times), 2),
    }  # fmt: skip


def first_uses(folder: Path, quick: bool, location: str | None) -> dict[str, Any]:
    """8 commands at once on a store that is not there, several times."""
    rounds, count, codes = (2 if quick else 5), 8, []
    for i in range(rounds):
        path = folder / f"{i}.db"
        started = [nccli(f"construct --kind dnc --K {4 + each} --L 3", path) for each in range(count)]
        for process in started:
            process.communicate()
            codes.append(process.returncode)
    schemas = []
    for i in range(rounds):
        with closing(sqlite3.connect(folder / f"{i}.db")) as connection:
            schemas.append(connection.execute("SELECT COUNT(*) FROM nccli_schema_version").fetchone()[0])
            stored = connection.execute("SELECT COUNT(*) FROM run").fetchone()[0]
            schemas.append(stored == count)
    good = set(codes) == {0} and all(schemas) and all(sound(folder / f"{i}.db") for i in range(rounds))
    return {"ok": good, "rounds": rounds, "processes": count, "exit_codes": sorted(set(codes))}


def _read(location: str, seconds: float, queue: Any) -> None:
    store, until = Store.open(location), time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        try:
            with store.read() as connection:
                records = run_records(connection, select_runs(connection, limit=50))
            torn = any(len(record["layers"]) != len(STAGES) for record in records)
        except NccliError as error:
            queue.put(("read failed", str(error)))
        else:
            queue.put(("torn" if torn else "read", time.perf_counter() - began))


def _write_on(location: str, first: int, seconds: float, queue: Any) -> None:
    store, until = Store.open(location), time.monotonic() + seconds
    seed = first
    while time.monotonic() < until:
        began = time.perf_counter()
        try:
            save_run(store, example_run(seed))
        except NccliError as error:
            queue.put(("write failed", str(error)))
        else:
            queue.put(("write", time.perf_counter() - began))
        seed += 1


def readers(folder: Path, quick: bool, location: str | None) -> dict[str, Any]:
    """4 readers without a pause while 4 writers write."""
    seconds, place = (5.0 if quick else 20.0), location or str(folder / "runs.db")
    save_run(Store.create(place), example_run(0))
    queue = FORK.Queue()
    processes = [FORK.Process(target=_read, args=(place, seconds, queue)) for _ in range(4)]
    processes += [FORK.Process(target=_write_on, args=(place, 10**6 * i, seconds, queue)) for i in range(1, 5)]
    for process in processes:
        process.start()
    seen = _drain(queue, processes)
    told = {kind: [value for name, value in seen if name == kind] for kind in {name for name, _ in seen}}
    bad = {kind: values[:1] for kind, values in told.items() if kind not in ("read", "write")}
    return {
        "ok": not bad and bool(told.get("read")) and bool(told.get("write")), "seconds": seconds,
        "reads": len(told.get("read", [])), "writes": len(told.get("write", [])),
        "longest_read": round(max(told.get("read", [0])), 2), "longest_write": round(max(told.get("write", [0])), 2),
        "faults": bad,
    }  # fmt: skip


def deaths(folder: Path, quick: bool, location: str | None) -> dict[str, Any]:
    """SIGKILL at random moments of starting, claiming, training and storing; a sweep is asked for until it is done."""
    kills, rng, path = (10 if quick else 100), random.Random(0), folder / "runs.db"
    seen: dict[str, int] = {}
    killed, unsound, lines = 0, 0, [_sweep(0)]
    while True:
        process = nccli(lines[-1], path, **OFTEN)
        try:
            process.wait(rng.uniform(0.5, 6.0) if killed < kills else 300)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.communicate()
        if process.returncode != -signal.SIGKILL:
            unsound += process.returncode != 0
            if killed >= kills:
                break
            lines.append(_sweep(len(lines)))
        for status, count in _statuses(path):
            seen[status] = seen.get(status, 0) + count
        unsound += bool(_statuses(path)) and not sound(path)
    undisturbed = folder / "undisturbed.db"
    for line in lines:
        nccli(line, undisturbed, **OFTEN).communicate()
    found = []
    for each in (path, undisturbed):
        with closing(sqlite3.connect(each)) as connection:
            found.append(
                connection.execute("SELECT id, status, steps, loss, grad_norm FROM run ORDER BY id").fetchall()
            )
    left = [file.name for file in folder.glob("*checkpoint*")]
    equal = sum(a == b for a, b in zip(*found, strict=False))
    return {
        "ok": unsound == 0 and not left and sound(path) and equal == len(found[0]) == len(found[1]),
        "kills": killed, "sweeps": len(lines), "unsound": unsound, "runs": len(found[0]), "equal_to_undisturbed": equal,
        "statuses_seen_after_kills": seen, "checkpoints_left": left,
    }  # fmt: skip


def _sweep(number: int) -> str:
    return f"train-dufm {TINY} --seed {10 * number}..{10 * number + 9} --steps 15000"


def _statuses(path: Path) -> list[tuple[str, int]]:
    """Runs by status; nothing before there is a schema."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'run'").fetchone():
            return []
        return connection.execute("SELECT status, COUNT(*) FROM run GROUP BY status").fetchall()


def _ask(folder: Path, count: int, line: str) -> dict[str, Any]:
    path = folder / "runs.db"
    began = time.perf_counter()
    started = [nccli(line.replace("--quiet", ""), path, CC="") for _ in range(count)]
    ended = [process.communicate() for process in started]
    trained = sum(b"are being made elsewhere" not in err and b"in the store already" not in err for _, err in ended)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT COUNT(*) FROM run").fetchone()[0]
        claims = connection.execute("SELECT (SELECT COUNT(*) FROM claim) + (SELECT COUNT(*) FROM worker)").fetchone()[0]
    outs = {out for out, _ in ended}
    codes = sorted({process.returncode for process in started})
    good = codes == [0] and rows == 1 and trained == 1 and len(outs) == 1 and claims == 0 and sound(path)
    return {
        "ok": good, "processes": count, "exit_codes": codes, "rows": rows, "trained": trained, "answers": len(outs),
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip


def asked_twice(folder: Path, quick: bool, location: str | None) -> dict[str, Any]:
    """Two processes asked for the same run."""
    return _ask(folder, 2, f"train-dufm {TINY} --seed 0 --steps 30000")


def crowd_asked(folder: Path, quick: bool, location: str | None) -> dict[str, Any]:
    """Eight processes asked for the same run at a store that is not there yet."""
    return _ask(folder, 8, f"train-dufm {TINY} --seed 0 --steps 60000")


_MILLION = {
    # line: (exit code, lines on stdout, seconds, MB), as promised of 10⁶ runs on a machine of its own
    "runs list --limit 20": (0, 20, 5, 200),
    "runs list --limit 0 --format ids": (0, None, 30, 300),
    "runs list --limit 0 | head -1": (0, 1, 10, 300),
    "runs list --where 'seed<500' --limit 3": (0, 3, 10, 200),
    "runs list --where 'max.dnc1>1e9' --limit 3": (3, 0, 60, 200),
    "compare --group-by wd": (0, 1, 60, 300),
    "runs list --limit 0": (0, None, 300, 300),
}
_COPY = """
INSERT INTO {table} ({names}) WITH RECURSIVE copy(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM copy WHERE i < {copies})
SELECT {values} FROM {table} AS x CROSS JOIN copy
"""


def million(folder: Path, quick: bool, location: str | None) -> dict[str, Any]:
    """A store of 10⁶ runs, copies of a hundred with ids and seeds of their own, is listed and compared."""
    path, runs = folder / "million.db", 10**5 if quick else 10**6
    store = Store.create(str(path))
    for seed in range(100):
        save_run(store, example_run(seed))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.create_function("other_id", 2, lambda key, i: f"{(int(key, 16) * 0x9E3779B1 + i) % 16**12:012x}")
        for table, key in (("run", "id"), ("layer", "run_id"), ("singular_value", "run_id")):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            values = [
                f"other_id(x.{key}, copy.i)"
                if name == key
                else "x.seed + 100 * copy.i"
                if name == "seed"
                else f'x."{name}"'
                for name in columns
            ]
            names = ", ".join(f'"{name}"' for name in columns)
            connection.execute(_COPY.format(table=table, names=names, copies=runs // 100 - 1, values=", ".join(values)))
        connection.commit()
    figures, good = {}, True
    for line, (code, lines, seconds, megabytes) in _MILLION.items():
        command, _, pipe = line.partition(" | ")
        began = time.perf_counter()
        ended = subprocess.run(
            ["bash", "-c", f"{_MEASURED} {NCCLI} {command} --store {path} {'| ' + pipe if pipe else ''} | wc -l"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        took = time.perf_counter() - began
        *_, last = ended.stderr.split("\n")[:-1]
        status, peak = map(int, last.split())
        found = int(ended.stdout)
        held = status in (code, 141) and found == (runs if lines is None else lines)
        held &= took <= seconds and peak <= 1000 * megabytes
        figures[line] = {"seconds": round(took, 1), "MB": round(peak / 1000), "lines": found, "code": status}
        good &= held
    return {"ok": good, "runs": runs, "commands": figures}


_MEASURED = f"""{sys.executable} -c '
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)'"""


SCENES: dict[str, Callable[[Path, bool, str | None], dict[str, Any]]] = {
    each.__name__: each for each in (writers, first_uses, readers, deaths, asked_twice, crowd_asked, million)
}


def main() -> int:
    """Play the scenes that were asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", nargs="*", choices=[*SCENES, []], default=list(SCENES))
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--store", help="a PostgreSQL URL for writers and readers")
    asked = parser.parse_args()
    failed = 0
    for name in asked.scenes:
        with tempfile.TemporaryDirectory() as folder:
            found = SCENES[name](Path(folder), asked.quick, asked.store)
        print(json.dumps({"scene": name, **found}), flush=True)
        failed += not found["ok"]
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
