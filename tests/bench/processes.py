"""A sweep that several processes share against the same one in one process: wall time, and the same results.

    python tests/bench/processes.py [--jobs 1 2 3]

Networks of eight seeds on the digits, one after the other with all cores or one a core, and a grid of DUFMs.
"""

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NCCLI = Path(sys.executable).with_name("nccli")
SWEEPS = {
    "networks": "train-e2e --backbone mlp --per-class 100 --steps 1500 --seed 0..7",
    "small-cnn": "train-e2e --backbone small-cnn --per-class 100 --steps 150 --seed 0..3",
    "dufm": "train-dufm --K 6 --L 4 --n 10 --width 20 --steps 60000 --seed 0..23",
}
RESULT = "SELECT id, round(loss, 4), steps, status FROM run ORDER BY id"


def made(line: str, jobs: int, folder: Path) -> tuple[float, list[tuple[object, ...]]]:
    """Seconds, and what is stored."""
    store = folder / f"{jobs}.db"
    began = time.perf_counter()
    command = [str(NCCLI), *line.split(), "--jobs", str(jobs), "--quiet", "--store", str(store)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    with sqlite3.connect(store) as connection:
        return seconds, connection.execute(RESULT).fetchall()


def main() -> None:
    """Print a line a sweep and number of processes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2, 3])
    counts = parser.parse_args().jobs
    for name, line in SWEEPS.items():
        with tempfile.TemporaryDirectory() as folder:
            first, expected = made(line, counts[0], Path(folder))
            print(f"{name:<12}{counts[0]} processes {first:6.1f} s", flush=True)
            for jobs in counts[1:]:
                seconds, found = made(line, jobs, Path(folder))
                same = "same results" if found == expected else "OTHER RESULTS"
                print(
                    f"{name:<12}{jobs} processes {seconds:6.1f} s, {first / seconds:.2f} times as fast, {same}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
