"""A store of as many runs as are asked for, made by plain SQL in the real schema.

    python tests/bench/many_runs.py FILE --runs 1000000            layers and spectra, no history, no matrices
    python tests/bench/many_runs.py FILE --runs 100000 --rich 50   one setting of seeds in 50 with both
    python tests/bench/many_runs.py FILE --runs 2000 --first 4000 --sealed

The runs are of 75 settings (K, weight decay, width), seed after seed; run number i is the same in every store. With
--sealed they have their checksums, so that `nccli store check` and `store merge` take them for sound.
"""

import argparse
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import URL

from nccli.catalogue.runs import RESULT_VERSIONS
from nccli.catalogue.stages import stages
from nccli.dufm.config import DufmConfig
from nccli.metrics.digits import SINGLE
from nccli.store import Store
from nccli.store.blocks.history import pack_history
from nccli.store.blocks.matrices import CLASS_MEANS, pack_matrices
from nccli.store.runs.finished_run import setting_id
from nccli.store.schema.checksum import RawRun, checksum
from nccli.store.schema.tables import TABLES

L, STEPS, POINTS = 4, 100_000, 40
GRID = tuple(product((6, 10, 15), (5e-4, 1e-3, 2e-3, 4e-3, 8e-3), (10, 16, 24, 32, 64)))
PLACES = tuple(stages(L))
TOGETHER = 500
"""Runs written at a time."""

Rows = dict[str, list[dict[str, Any]]]


def build(path: Path, runs: int, rich: int = 0, first: int = 0, sealed: bool = False) -> None:
    """Make a store with so many runs, or add them.

    Args:
        path: of the file.
        runs: how many, `first` of them left out.
        rich: of so many seeds one has a history and matrices; 0 for none.
        first: number of the first run.
        sealed: whether they have checksums.
    """
    Store.create(str(path))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-2000000")
    connection.execute("BEGIN")
    for each in _together(rows_of(number, rich, sealed) for number in range(first, first + runs)):
        write(connection, each)
    connection.execute("COMMIT")
    connection.close()


def build_on_server(url: URL, runs: int) -> None:
    """The same in a PostgreSQL database, by COPY."""
    import psycopg

    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    Store.create(url.render_as_string(hide_password=False))
    with psycopg.connect(plain) as connection, connection.cursor() as cursor:
        for each in _together(rows_of(number) for number in range(runs)):
            for table, rows in each.items():
                if rows:
                    names = ", ".join(f'"{name}"' for name in rows[0])
                    with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:  # type: ignore[arg-type]
                        for row in rows:
                            copy.write_row(tuple(row.values()))
        connection.execute("ANALYZE")


def write(connection: sqlite3.Connection, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Insert rows by table."""
    for table, rows in found.items():
        if rows:
            names, marks = ", ".join(f'"{name}"' for name in rows[0]), ", ".join("?" * len(rows[0]))
            connection.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", [tuple(row.values()) for row in rows]
            )


def _together(each: Iterable[Rows]) -> Iterator[Rows]:
    rest = iter(each)
    while part := list(islice(rest, TOGETHER)):
        yield {table: [row for found in part for row in found[table]] for table in TABLES}


@cache
def _setting(number: int) -> tuple[int, float, int, str, str]:
    """Of a point of the grid: K, weight decay, width, its configuration as text with seed 0, and its id."""
    K, wd, width = GRID[number]
    config = DufmConfig(K, L, 1, width, wd, (wd,) * L, 0.5, STEPS, 0).as_dict()
    return K, wd, width, json.dumps(config, sort_keys=True), setting_id("dufm", config)


def rows_of(number: int, rich: int = 0, sealed: bool = False) -> Rows:
    """Rows of a made-up run, table by table."""
    rng = np.random.default_rng(number)
    K, wd, width, text, setting = _setting(number % len(GRID))
    seed = number // len(GRID)
    config = text.replace('"seed": 0', f'"seed": {seed}')
    hashed = f'{{"config": {config}, "kind": "dufm", "result_version": {RESULT_VERSIONS["dufm"]}}}'
    key = hashlib.sha256(hashed.encode()).hexdigest()[:12]
    rank, high = K - number * 7919 % (K - K // 2 + 1), 1 + 0.1 * float(rng.random())
    loss, structure = 0.05 * high, "dnc" if rank == K else "none"
    second, micro = divmod(number * 1_000, 1_000_000)
    created = f"2026-{1 + second // 86400 % 12:02}-01T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"
    run = {
        **{"id": key, "kind": "dufm", "status": "stopped", "K": K, "L": L, "n": 1, "width": width, "wd": wd},
        **{"wd_h1": wd, "lr": 0.5, "seed": seed, "activation": "relu", "steps": STEPS, "loss": loss, "fit": loss / 9},
        **{"reg": loss * 8 / 9, "loss_dnc": 0.053, "loss_srg": 0.045, "grad_norm": 1e-6, "seconds": 1.0},
        **{
            "device": "cpu",
            "dtype": "float32",
            "nccli_version": "0",
            "host": "bench",
            "started": "2026-01-01T00:00:00",
        },
        **{"config": config, "created": f"{created}.{micro:06}", "optimizer": "gd", "setting": setting},
        **{"mean_hidden_rank": float(rank), "ranks_agree": 1, "max_dnc1": 0.0, "structure": structure},
        **{"objective": "mse", "result_version": RESULT_VERSIONS["dufm"], "classes_kept": K, "finish": "plain"},
        **{"outcome": "dnc" if rank == K else "low_rank", "settled": 1, "steps_by": "compiled"},
    }
    values = np.where(np.arange(K) < rank, 1.0, 1e-4) * (1 + 0.1 * rng.random(K))
    ordered = np.sort(values)[::-1].tolist()
    metrics = {"dnc1": 0.0, "dnc2": 1.0, "rank": rank, "effective_rank": rank - 0.1, "stable_rank": rank - 0.2}
    metrics |= {"nuclear_norm": float(values.sum()), "structure": structure, "structure_distance": 0.1}
    metrics |= {"structure_order": json.dumps(list(range(K))), "classes_kept": None}
    places = [{"run_id": key, "layer": layer, "stage": stage} for layer, stage in PLACES]
    layers = [{**place, **metrics} for place in places]
    layers[-1]["classes_kept"] = K
    spectra = [{**place, "index": i, "value": value} for place in places for i, value in enumerate(ordered, 1)]
    found: Rows = {"run": [run], "layer": layers, "singular_value": spectra, "history": [], "matrix": []}
    if rich and seed % rich == 0:
        _enrich(found, key, K, loss, rank)
    if sealed:
        children = {name: rows for name, rows in found.items() if name != "run"}
        run["checksum"] = checksum(RawRun(run, children))
    return found


def _enrich(found: Rows, key: str, K: int, loss: float, rank: int) -> None:
    """Add a history and matrices."""
    losses = {"fit": 0.1, "reg": loss, "grad_norm": 0.1, "dnc1": [0.0] * len(PLACES), "rank": [rank] * len(PLACES)}
    points = [{"step": step * 2500, "loss": loss + 1 / (1 + step), **losses} for step in range(POINTS)]
    found["history"] = [{"run_id": key, "points": POINTS, "block": pack_history(points, SINGLE)}]
    means = pack_matrices({stage: np.eye(K) for stage in PLACES}, SINGLE)
    found["matrix"] = [{"run_id": key, "name": CLASS_MEANS, **row} for row in means]


def main() -> None:
    """Make the store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--rich", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--sealed", action="store_true")
    asked = parser.parse_args()
    build(asked.file, asked.runs, asked.rich, asked.first, asked.sealed)


if __name__ == "__main__":
    main()
