"""What figures, comparisons and lists take from a large store, as whole commands, over a plain scan of its runs.

    python tests/bench/store_queries.py                          100,000 runs, as a table
    python tests/bench/store_queries.py --runs 1000000 --rich 0  more, without histories and matrices
    python tests/bench/store_queries.py --keep FILE              make the store there, or use the one that is there
    python tests/bench/store_queries.py --only compare           commands whose names begin so
    python tests/bench/store_queries.py --json                   a JSON record a command

The store is one of `many_runs.py`; by default one seed in 50 has a history and matrices. A command's time is the median
of its repetitions, interleaved with the others', of the processor; `start` is what importing SQLModel and NumPy takes,
and `scan` a process that counts runs and averages losses by weight decay in SQL, both in the same way.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.many_runs import build

ONE = "K=10 and wd=2e-3 and width=24"
COMMANDS = {
    "rank-vs-wd": "plot rank-vs-wd -o {out}.pdf",
    "rank-vs-width": "plot rank-vs-width -o {out}.pdf",
    "rank-vs-K": "plot rank-vs-K --where width=24 -o {out}.pdf",
    "dnc-share-vs-width": "plot dnc-share-vs-width -o {out}.pdf",
    "spectra": f'plot spectra --where "{ONE}" -o {{out}}.pdf',
    "effective-rank": f'plot effective-rank --where "{ONE}" -o {{out}}.pdf',
    "training": f'plot training --where "{ONE} and seed in (0, 50, 100, 150)" -o {{out}}.pdf',
    "gram": f'plot gram --where "{ONE} and seed in (0, 50, 100, 150)" -o {{out}}.pdf',
    "fig3": "plot fig3 -o {out}.pdf",
    "loss-ratio": "plot loss-ratio -o {out}.pdf",
    "spectra, 5 panels": 'plot spectra --where "K=10 and wd=2e-3" -o {out}.pdf',
    "effective-rank, 5 curves": 'plot effective-rank --where "K=10 and wd=2e-3" -o {out}.pdf',
    "compare --group-by wd": "compare --group-by wd",
    "compare --group-by K,wd,width": "compare --group-by K,wd,width",
    "compare --outcomes": "compare --outcomes --group-by K,wd",
    "compare --paired": 'compare --group-by wd --paired seed --where "K=10 and width=24 and wd in (1e-3, 2e-3)"',
    "runs list --limit 20": "runs list --limit 20",
    "runs list --limit 0": "runs list --limit 0 --format jsonl",
    "runs list --limit 0, ids": "runs list --limit 0 --format ids",
    "runs list --where": 'runs list --where "K=10 and structure=dnc"',
}
START = "import sqlmodel, numpy"
SCAN = """
import sqlite3, sys
sqlite3.connect(sys.argv[1]).execute("SELECT wd, COUNT(*), AVG(loss) FROM run GROUP BY wd").fetchall()
"""


def seconds(command: list[str]) -> float:
    """Processor time of a command that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Build the store, run every command, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--rich", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = asked.keep or Path(folder) / "bench.db"
        if not store.exists():
            build(store, asked.runs, asked.rich)
        beside = {"start": [sys.executable, "-c", START], "scan": [sys.executable, "-c", SCAN, str(store)]}
        lines = {name: line for name, line in COMMANDS.items() if name.startswith(asked.only)}
        times: dict[str, list[float]] = {name: [] for name in (*beside, *lines)}
        for _ in range(asked.repeat):
            for name, command in beside.items():
                times[name].append(seconds(command))
            for name, line in lines.items():
                words = line.format(out=f"{folder}/figure")
                shell = f"{Path(sys.executable).with_name('nccli')} {words} --store {store}"
                quiet = "" if name.startswith("runs") else " --quiet"
                times[name].append(seconds(["bash", "-c", shell + quiet]))
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, median in medians.items():
        over = (median - medians["start"]) / medians["scan"]
        record = {"command": name, "bytes": None if asked.keep is None else store.stat().st_size, "seconds": median}
        told = f"{name:32} {median:7.2f} s   start + {over:6.1f} scans"
        print(json.dumps({**record, "over_scan": over}) if asked.json else told)


if __name__ == "__main__":
    main()
