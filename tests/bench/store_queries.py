"""How long figures, comparisons and lists take from a large store, as whole commands, beside matplotlib's own start.

    python tests/bench/store_queries.py                 100,000 runs, as a table
    python tests/bench/store_queries.py --runs 10000    fewer
    python tests/bench/store_queries.py --keep FILE     make the store there, or use the one that is there
    python tests/bench/store_queries.py --json          a JSON record a command

The store has 75 settings (K, weight decay, width) and as many seeds of each as make the runs asked for.
Every run has its layers and spectra; one in 50 has a history and matrices too, so that the file stays below 1 GB. A
command's time is the median of its repetitions, interleaved with the others'; `beside` is what importing matplotlib's
figure, text and PDF parts takes by itself, in the same way.
"""

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from nccli.catalogue.stages import stages
from nccli.dufm.config import DufmConfig
from nccli.metrics.digits import SINGLE
from nccli.store import Store, run_id
from nccli.store.blocks.history import pack_history
from nccli.store.blocks.matrices import CLASS_MEANS, pack_matrices
from nccli.store.runs.finished_run import setting_id

L, STEPS, POINTS, RICH = 4, 100_000, 40, 50
GRID = tuple(product((6, 10, 15), (5e-4, 1e-3, 2e-3, 4e-3, 8e-3), (10, 16, 24, 32, 64)))
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
    "runs list": "runs list",
    "runs list --limit 0": "runs list --limit 0 --format jsonl",
    "runs list --limit 0, ids": "runs list --limit 0 --format ids",
    "runs list --where": 'runs list --where "K=10 and structure=dnc"',
}
BESIDE = "import matplotlib.figure, matplotlib.backends.backend_pdf, matplotlib.backends.backend_agg"


def build(path: Path, runs: int) -> None:
    """Make a store with so many runs, by plain SQL."""
    Store.create(str(path))
    rng = np.random.default_rng(0)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for number in range(runs):
            for table, rows in rows_of(number, rng):
                names = ", ".join(f'"{name}"' for name in rows[0])
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(
                    f"INSERT INTO {table} ({names}) VALUES ({marks})", [tuple(r.values()) for r in rows]
                )
    connection.close()


def rows_of(number: int, rng: np.random.Generator) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of a made-up run, table by table."""
    K, wd, width = GRID[number % len(GRID)]
    seed, rich = number // len(GRID), number // len(GRID) % RICH == 0
    config = DufmConfig(K, L, 1, width, wd, (wd,) * L, 0.5, STEPS, seed).as_dict()
    rank = int(rng.integers(K // 2, K + 1))
    key, dnc = run_id("dufm", config), rank == K
    loss = 0.05 * (1 + 0.1 * float(rng.random()))
    yield (
        "run",
        [
            {
                **{"id": key, "kind": "dufm", "status": "stopped", "K": K, "L": L, "n": 1, "width": width, "wd": wd},
                **{
                    "wd_h1": wd,
                    "lr": 0.5,
                    "seed": seed,
                    "activation": "relu",
                    "steps": STEPS,
                    "loss": loss,
                    "fit": loss / 9,
                },
                **{"reg": loss * 8 / 9, "loss_dnc": 0.053, "loss_srg": 0.045, "grad_norm": 1e-6, "seconds": 1.0},
                **{"device": "cpu", "dtype": "float32", "nccli_version": "0", "host": "bench", "started": "2026-01-01"},
                **{"created": f"2026-01-01T00:00:00.{number:06}", "config": json.dumps(config), "optimizer": "gd"},
                **{"setting": setting_id("dufm", config)},
                **{
                    "mean_hidden_rank": float(rank),
                    "ranks_agree": 1,
                    "max_dnc1": 0.0,
                    "structure": "dnc" if dnc else "none",
                    "outcome": "dnc" if dnc else "low_rank",
                    "classes_kept": K,
                },
            }
        ],
    )
    values = np.where(np.arange(K) < rank, 1.0, 1e-4) * (1 + 0.1 * rng.random(K))
    metrics = {"dnc1": 0.0, "dnc2": 1.0, "rank": rank, "effective_rank": rank - 0.1, "stable_rank": rank - 0.2}
    metrics |= {"nuclear_norm": float(values.sum()), "structure": "dnc" if dnc else "none", "structure_distance": 0.1}
    metrics |= {"structure_order": json.dumps(list(range(K)))}
    places = [{"run_id": key, "layer": layer, "stage": stage} for layer, stage in stages(L)]
    yield "layer", [{**place, **metrics} for place in places]
    ordered = np.sort(values)[::-1].tolist()
    yield "singular_value", [{**place, "index": i, "value": v} for place in places for i, v in enumerate(ordered, 1)]
    if rich:
        losses = {"fit": 0.1, "reg": loss, "grad_norm": 0.1, "dnc1": [0.0] * len(places), "rank": [rank] * len(places)}
        points = [{"step": step * 2500, "loss": loss + 1 / (1 + step), **losses} for step in range(POINTS)]
        yield "history", [{"run_id": key, "points": POINTS, "block": pack_history(points, SINGLE)}]
        means = pack_matrices({stage: np.eye(K) for stage in stages(L)}, SINGLE)
        yield "matrix", [{"run_id": key, "name": CLASS_MEANS, **row} for row in means]


def seconds(command: list[str]) -> float:
    """Wall time of a command that must succeed."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr}")
    return time.perf_counter() - started


def main() -> None:
    """Build the store, run every command, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = asked.keep or Path(folder) / "bench.db"
        if not store.exists():
            build(store, asked.runs)
        times: dict[str, list[float]] = {"beside": [], **{name: [] for name in COMMANDS}}
        for _ in range(asked.repeat):
            times["beside"].append(seconds([sys.executable, "-c", BESIDE]))
            for name, line in COMMANDS.items():
                words = line.format(out=f"{folder}/figure")
                shell = f"{Path(sys.executable).with_name('nccli')} {words} --store {store}"
                quiet = "" if name.startswith("runs") else " --quiet"
                times[name].append(seconds(["bash", "-c", shell + quiet]))
    beside = statistics.median(times["beside"])
    for name, found in times.items():
        median = statistics.median(found)
        record = {"command": name, "runs": asked.runs, "seconds": median, "beside": beside, "over": median - beside}
        print(
            json.dumps(record)
            if asked.json
            else f"{name:32} {median:6.2f} s   {median - beside:+6.2f} s beside matplotlib"
        )


if __name__ == "__main__":
    main()
