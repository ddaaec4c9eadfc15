"""What it costs to start a command, beside what Python, NumPy and SQLModel take to start.

    python tests/bench/start.py                 as a table
    python tests/bench/start.py --repeats 20    more of each
    python tests/bench/start.py --json          a JSON record a command

Each command runs in a process of its own, interleaved with the others; its cost is the median of processor time, user
and system. `numpy, sqlmodel` is what no run can do without. Every run is a new one; compiled code is there before.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

NCCLI = str(Path(sys.executable).with_name("nccli"))
TINY = ["train-dufm", "--K", "3", "--L", "2", "--steps", "100", "--quiet"]
PYTHON, IMPORTS = "python -c pass", "numpy, sqlmodel"


def commands(number: int) -> dict[str, list[str]]:
    """By name, with a run that is not stored yet."""
    seed = ["--seed", str(number)]
    return {
        PYTHON: [sys.executable, "-c", "pass"],
        IMPORTS: [sys.executable, "-c", "import numpy, sqlmodel"],
        "nccli --help": [NCCLI, "--help"],
        "train-dufm, a tiny run": [NCCLI, *TINY, *seed],
        "the same, stored": [NCCLI, *TINY, "--seed", "0"],
        "the same, a new store": [NCCLI, *TINY, *seed, "--store", f"new-{number}.db"],
        "train-dufm --dry-run": [NCCLI, *TINY, *seed, "--dry-run"],
        "construct --kind dnc": [NCCLI, "construct", "--kind", "dnc", "--K", str(3 + number), "--quiet"],
        "runs list": [NCCLI, "runs", "list", "--quiet"],
    }


def cost(command: list[str], folder: str) -> float:
    """Seconds of a processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for command in commands(0).values():
            cost(command, folder)
        for number in range(1, asked.repeats + 1):
            for name, command in commands(number).items():
                found.setdefault(name, []).append(cost(command, folder))
    medians = {name: statistics.median(each) for name, each in found.items()}
    for name, seconds in medians.items():
        ratios = {"over_python": seconds / medians[PYTHON], "over_imports": seconds / medians[IMPORTS]}
        if asked.json:
            print(json.dumps({"command": name, "seconds": seconds, **ratios}))
        else:
            print(f"{name:24} {seconds:7.3f} s  {ratios['over_python']:6.1f} × python  {ratios['over_imports']:5.2f} ×")


if __name__ == "__main__":
    main()
