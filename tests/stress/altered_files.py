"""Files that somebody or something altered, and what nccli makes of them: `altered_files.py [--files N] [--seed S]`

A store with flipped bits, a store with junk in its cells, an export with junk in its lines: every command ends with an
exit code of the design sheet and a line or two, a listing has every run that is sound, `store check` sees every change,
`store check --repair` leaves a sound store. Altered features, images and weights are measured or refused, and a
training ends where it ends without an altered checkpoint. One JSON line a kind of alteration, exit 1 where one does
not hold.
"""

import argparse
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.cli.command import NCCLI, Ended, environment  # noqa: E402
from tests.cli.in_process import run_in_process  # noqa: E402
from tests.stress.hostile_folder import network, write_inputs  # noqa: E402

JUNK = (
    *(None, "", "abc", "\x1b[31m", b"\xff\x00", -1, 0, 0.0, 1, 2**40, 2**62, 1e308, -1e308, 1e999, "{oops", "[]"),
    *("{}", '{"K": "x"}', "[1, 2, 3]", '"nan"', "null", "é" * 10, "x" * 5000, "\0"),
)
READING = (
    "runs list --limit 0",
    "runs list --limit 0 --format table",
    "runs list --where config.lr=0.5",
    "compare",
    "compare --group-by K,kind",
    "compare --group-by config.lr --rank-rtol 1e-3",
    "plot rank-vs-wd -o p.svg",
    "plot training -o t.svg",
    "plot gram -o g.svg",
    "runs export -o e.jsonl",
    "runs export --matrices -o matrices",
)
INPUTS = {
    "good.npz": "measure good.npz",
    "good.pt": "measure good.pt",
    "good.safetensors": "measure good.safetensors",
    "weights.pt": "measure --model own:network --dataset images.npz --weights weights.pt",
    "weights.safetensors": "measure --model own:network --dataset images.npz --weights weights.safetensors",
    "images.npz": "train-e2e --dataset images.npz --backbone mlp --L 2 --width 8 --epochs 1",
}
"""Files that commands read, and such a command."""

TRAINED = {
    ".npz": "train-dufm --K 4 --L 3 --n 2 --width 8 --tol 0 --steps 100000 --seed 7 --quiet --format ids",
    ".pt": "train-e2e --dataset images.npz --backbone mlp --L 2 --width 8 --epochs 100 --seed 7 --quiet --format ids",
}
"""Commands that are interrupted, and go on from a checkpoint, by its suffix."""

WORDS = ("Traceback", "internal error", "[SQL:")


def nccli(folder: Path, line: str) -> Ended:
    """A command, in this process."""
    return Ended(*run_in_process(["nccli", *line.split()], folder, environment(), b""))


def told(ended: Ended, codes: tuple[int, ...]) -> str | None:
    """What is wrong with the end of a command; None if nothing is."""
    if any(word in ended.err for word in WORDS):
        return ended.err[-300:]
    if "\x1b" in ended.err or b"\x1b" in ended.raw:
        return "a control character was printed"
    return None if ended.code in codes else f"exit {ended.code}: {ended.err[-300:]}"


def base(folder: Path) -> None:
    """A store with runs of most kinds, and its export."""
    for line in (
        "train-dufm --K 4,6 --L 2,3 --n 2 --width 8 --steps 60 --seed 0..1 --quiet",
        "train-dufm --K 4 --L 3 --n 2 --width 8 --lr 1e6 --steps 60 --quiet",
        "construct --kind dnc --K 4 --L 3 --width 8",
        "construct --kind srg --K 6 --L 3 --width 8",
        "runs export -o all.jsonl",
    ):
        ended = nccli(folder, line)
        assert ended.code in (0, 4), ended.err
    write_inputs(folder)
    torch.save(network((1, 8, 8)).state_dict(), folder / "weights.pt")
    save_file(network((1, 8, 8)).state_dict(), folder / "weights.safetensors")
    for suffix, line in TRAINED.items():
        nccli(folder, f"{line} --store whole.db")
        interrupt(folder, line, suffix)


def flip_bits(path: Path, rng: random.Random) -> str:
    """Flip one to eight bits anywhere in the file."""
    data = bytearray(path.read_bytes())
    places = [rng.randrange(len(data)) for _ in range(rng.choice((1, 1, 1, 2, 4, 8)))]
    for place in places:
        data[place] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return f"bits flipped at {places}"


def flip_value(path: Path, rng: random.Random) -> str:
    """Flip a bit of one stored value: a number, a text, a matrix."""
    with closing(sqlite3.connect(path)) as connection:
        table, column, key = _cell(connection, rng)
        (value,) = connection.execute(f'SELECT CAST("{column}" AS BLOB) FROM {table} WHERE {key}').fetchone()
        raw = bytearray(value or b"0")
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        cast = f"X'{bytes(raw).hex()}'"
        kind = connection.execute(f'SELECT typeof("{column}") FROM {table} WHERE {key}').fetchone()[0]
        new = {"text": f"CAST({cast} AS TEXT)", "blob": cast}.get(kind, f"CAST(CAST({cast} AS TEXT) AS NUMERIC)")
        try:
            connection.execute(f'UPDATE {table} SET "{column}" = {new} WHERE {key}')
        except sqlite3.IntegrityError:  # two rows would have one key
            return "nothing"
        connection.commit()
    return f"{table}.{column} ({kind}) {bytes(raw)[:40]!r}"


def write_junk(path: Path, rng: random.Random) -> str:
    """Put junk into one cell."""
    with closing(sqlite3.connect(path)) as connection:
        table, column, key = _cell(connection, rng)
        junk = rng.choice(JUNK)
        try:
            connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE {key}', (junk,))
        except sqlite3.IntegrityError:
            return "nothing"
        connection.commit()
    return f"{table}.{column} = {junk!r}"


def _cell(connection: sqlite3.Connection, rng: random.Random) -> tuple[str, str, str]:
    table = rng.choice(("run", "run", "run", "layer", "singular_value", "history", "matrix"))
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    keys = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[5]]
    listed = ", ".join(f'"{key}"' for key in keys)
    row = rng.choice(connection.execute(f"SELECT {listed} FROM {table}").fetchall())
    return (
        table,
        rng.choice(columns),
        " AND ".join(f'"{key}" = {value!r}' for key, value in zip(keys, row, strict=True)),
    )


def content(path: Path) -> list[str]:
    """The rows of a store in SQL, to see whether anything changed."""
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        return [
            repr(row)
            for table in ("run", "layer", "singular_value", "history", "matrix")
            for row in connection.execute(
                f"SELECT *, typeof(run_id) FROM {table}" if table != "run" else "SELECT * FROM run"
            )
        ]


def alter_store(how: Callable[[Path, random.Random], str], folder: Path, rng: random.Random) -> dict[str, str]:
    """Alter a copy of the store and use it; what did not hold."""
    path = folder / "nccli.db"
    before = content(path)
    what = how(path, rng)
    wrong: dict[str, str] = {}
    try:
        changed = content(path) != before
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        changed = True
    for line in rng.sample(READING, 4):
        problem = told(nccli(folder, line), (0, 3, 4, 5, 6))
        if problem:
            wrong[line] = problem
    checked = nccli(folder, "store check")
    problem = told(checked, (5, 3, 6) if changed else (0, 5))
    if problem:
        wrong["store check"] = problem
    repaired = nccli(folder, "store check --repair")
    problem = told(repaired, (0, 3, 5, 6))
    if problem:
        wrong["store check --repair"] = problem
    if repaired.code == 0:
        for line in ("store check", "runs list --limit 0"):
            problem = told(nccli(folder, line), (0, 3) if line.startswith("runs") else (0,))
            if problem:
                wrong[f"{line} after it"] = problem
    elif "nothing of" not in repaired.err and "not an SQLite" not in repaired.err and changed:
        wrong["not repaired"] = repaired.err[-300:]
    return {f"{what}: {line}": problem for line, problem in wrong.items()}


def alter_export(folder: Path, rng: random.Random) -> dict[str, str]:
    """Alter one value of an export and import it: refused, and nothing stored, or sound."""
    lines = (folder / "all.jsonl").read_text().splitlines()
    i = rng.randrange(len(lines))
    record = json.loads(lines[i])
    table = rng.choice(list(record))
    rows = [record["run"]] if table == "run" else record[table]
    if not rows:
        return {}
    row = rng.choice(rows)
    name = rng.choice(list(row))
    junk = rng.choice([value for value in JUNK if not isinstance(value, bytes) and value != 1e999])
    row[name] = junk
    lines[i] = json.dumps(record)
    (folder / "altered.jsonl").write_text("\n".join(lines) + "\n")
    ended = nccli(folder, "runs import altered.jsonl --store new.db")
    what = f"{table}.{name} = {junk!r}"
    problem = told(ended, (0, 2))
    if problem:
        return {what: problem}
    if ended.code == 2:
        return {what: "a refused file left a store"} if (folder / "new.db").exists() else {}
    for line in ("store check --store new.db", *(f"{line} --store new.db" for line in rng.sample(READING, 2))):
        problem = told(nccli(folder, line), (0, 3))
        if problem:
            return {f"{what}, {line}": problem}
    return {}


def alter_bytes(path: Path, rng: random.Random) -> str:
    """Flip bits, cut off, or put junk in a place; early places have the headers."""
    raw = path.read_bytes()
    place = rng.randrange(min(len(raw), rng.choice((16, 256, len(raw)))))
    how = rng.choice(("flip", "flip", "cut", "junk", "zeros", "grow"))
    if how == "flip":
        new = raw[:place] + bytes([raw[place] ^ 1 << rng.randrange(8)]) + raw[place + 1 :]
    elif how == "cut":
        new = raw[:place]
    elif how == "grow":
        new = raw[:place] + rng.randbytes(100) + raw[place:]
    else:
        size = rng.choice((1, 4, 8, 200))
        new = raw[:place] + (bytes(size) if how == "zeros" else rng.randbytes(size)) + raw[place + size :]
    path.write_bytes(new)
    return f"{path.name}: {how} at {place}"


def alter_input(folder: Path, rng: random.Random) -> dict[str, str]:
    """Alter a file of features, images or weights: measured, or refused with nothing stored."""
    name = rng.choice(list(INPUTS))
    what = alter_bytes(folder / name, rng)
    ended = nccli(folder, f"{INPUTS[name]} --store new.db")
    problem = told(ended, (0, 2))
    if problem:
        return {what: problem}
    if ended.code == 2:
        return {what: "a refused file left a store"} if (folder / "new.db").exists() else {}
    problem = told(nccli(folder, "store check --store new.db"), (0,))
    return {f"{what}, store check": problem} if problem else {}


def interrupt(folder: Path, line: str, suffix: str) -> None:
    """Stop a training as it has written a checkpoint."""
    env = environment(NCCLI_CHECKPOINT_SECONDS="0")
    with subprocess.Popen([NCCLI, *line.split()], cwd=folder, env=env, **NOWHERE) as process:
        while not list(folder.glob(f"nccli.db-checkpoint-*{suffix}")) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
    assert process.returncode, f"{line} came to its end"


def alter_checkpoint(folder: Path, rng: random.Random) -> dict[str, str]:
    """Alter a checkpoint: the training ends where it ends without an interruption."""
    checkpoint = rng.choice(sorted(folder.glob("nccli.db-checkpoint-*")))
    what = alter_bytes(checkpoint, rng)
    ended = nccli(folder, TRAINED[checkpoint.suffix])
    problem = told(ended, (0,))
    if problem:
        return {what: problem}
    losses = {nccli(folder, f"runs show {ended.ids[0]} --store {name}").records[0]["loss"] for name in STORES}
    return {} if len(losses) == 1 else {what: f"losses {losses}"}


NOWHERE: dict[str, int] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
STORES = ("nccli.db", "whole.db")
KINDS: dict[str, Callable[[Path, random.Random], dict[str, str]]] = {
    "bits of the file": lambda folder, rng: alter_store(flip_bits, folder, rng),
    "bits of a value": lambda folder, rng: alter_store(flip_value, folder, rng),
    "junk in a cell": lambda folder, rng: alter_store(write_junk, folder, rng),
    "junk in an export": alter_export,
    "bytes of an input": alter_input,
    "bytes of a checkpoint": alter_checkpoint,
}


def main() -> int:
    """Alter files and print what held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500, help="how many in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=list(KINDS))
    options = parser.parse_args()
    kinds = [options.only] if options.only else list(KINDS)
    failed = False
    with tempfile.TemporaryDirectory() as place:
        origin = Path(place) / "origin"
        origin.mkdir()
        base(origin)
        for kind in kinds:
            tried, held, wrong = options.files // len(kinds), 0, Counter[str]()
            for i in range(tried):
                folder = Path(place) / "copy"
                shutil.copytree(origin, folder)
                found = KINDS[kind](folder, random.Random(f"{options.seed} {kind} {i}"))
                shutil.rmtree(folder)
                held += not found
                for line, problem in found.items():
                    wrong[f"{line}: {problem}"] += 1
            print(json.dumps({"altered": kind, "files": tried, "held": held, "wrong": list(wrong)[:20]}))
            failed = failed or held < tried
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
