"""Random command lines over all commands and options: `command_lines.py [--lines N] [--seed S] [--only COMMAND]`

Each is run in a copy of a folder with a store of every kind of run, one of them damaged, and with files, folders, pipes
and links. Whatever is asked, it ends within 20 s with an exit code of the design sheet and a line or two, prints no
control character, changes no run that it was not asked to change and no file that it was not told to write, and leaves
nothing half-made. One JSON line a command, exit 1 where one of them does not hold.
"""

import argparse
import faulthandler
import json
import multiprocessing
import os
import random
import re
import resource
import shlex
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from types import FrameType

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import matplotlib  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from tests.cli.command import Ended  # noqa: E402
from tests.stress.hostile_folder import TAGGED, copy, make, nccli, rows  # noqa: E402
from tests.stress.random_lines import Line, Lines, commands  # noqa: E402

SECONDS = 20
"""Of processor time, or three times as many of waiting: other programs may have the cores."""

CODES = (0, 2, 3, 4, 5, 6)
WORDS = re.compile(r"Traceback|internal error|\[SQL:|Warning\b|(?<!fails with )\b[A-Z]\w*Error: |<class|object at 0x")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
HALF_MADE = re.compile(r"^\.|tmp|-journal$|-wal$|-shm$|-checkpoint-")
MOST_LINES = 3
MOST_CHARACTERS = 1500
STORES = ("nccli.db", "second.db")
MEMORY = 16 * 2**30
FILE = 2**30
"""Limits of this process: what asks for more is a fault, and takes nothing from others."""


class HangError(BaseException):
    """A command took too long; nothing in nccli catches it."""


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise HangError where a command takes too long, end the process with a trace where that has no effect."""
    began, busy = time.monotonic(), time.process_time()

    def ring(signum: int, frame: FrameType | None) -> None:
        if time.process_time() - busy >= seconds or time.monotonic() - began >= 3 * seconds:
            raise HangError
        signal.alarm(1)

    before = signal.signal(signal.SIGALRM, ring)
    faulthandler.dump_traceback_later(10 * seconds, exit=True)
    signal.alarm(1)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def state() -> dict[str, object]:
    """What of the interpreter outlives a command."""
    return {
        "folder": Path.cwd(),
        "environment": dict(os.environ),
        "arguments": list(sys.argv),
        "type": torch.get_default_dtype(),
        "errors": np.geterr(),
        "style": dict(matplotlib.rcParams),
        "children": multiprocessing.active_children(),
        "recursion": sys.getrecursionlimit(),
    }


def files(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What is below a folder, and what shows that it changed."""
    return {
        str(path.relative_to(folder)): (found.st_ino, found.st_size, found.st_mtime_ns)
        for path in folder.rglob("*")
        if (found := path.lstat())
    }


def told(ended: Ended, line: Line) -> Iterator[str]:
    """What is wrong with the end of a command."""
    if ended.code not in CODES:
        yield f"exit {ended.code}: {ended.err[-400:]}"
    if found := WORDS.search(ended.err):
        yield f"says {found[0]}: {ended.err[-400:]}"
    if CONTROL.search(ended.err):
        yield f"a control character on stderr: {ended.err[-400:]!r}"
    if not ended.raw.startswith((b"%PDF", b"\x89PNG")) and CONTROL.search(ended.raw.decode(errors="replace")):
        yield f"a control character on stdout: {ended.raw[-400:]!r}"
    long = ended.err.count("\n") > MOST_LINES or len(ended.err) > MOST_CHARACTERS
    if ended.code == 2 and long and "Usage: " not in ended.err:
        yield f"a long error: {ended.err[:1000]}"
    if ended.code and not ended.err.strip() and "Usage: " not in ended.out:
        yield f"exit {ended.code} without a word"
    if ended.code == 0 and re.search(r"--format json( |$)", " ".join(line.arguments)) and ended.raw:
        try:
            json.loads(ended.raw)
        except ValueError as error:
            if "Usage" not in ended.out:
                yield f"no JSON: {error}"


def changed(line: Line) -> Collection[str]:
    """Columns of runs that are there which a line may change: what names of runs change."""
    named = line.command == "runs tag" or any(each.startswith("--tag") for each in line.arguments)
    return TAGGED if named else ()


def kept(before: dict[str, dict[str, set[str]]], folder: Path, line: Line) -> Iterator[str]:
    """Runs that were in a store and are not as they were."""
    if line.command == "runs rm" or "--repair" in line.arguments or "--force" in line.arguments:
        return
    for name, runs in before.items():
        try:
            after = rows(folder / name, changed(line))
        except sqlite3.Error as error:
            yield f"{name} is no store any more: {error}"
            continue
        lost = [key for key, content in runs.items() if after.get(key) != content]
        if lost:
            yield f"{name}: runs {lost[:3]} are not what they were"


def written(before: dict[str, tuple[int, int, int]], folder: Path, line: Line) -> Iterator[str]:
    """Files that were changed, removed or left behind and were not named."""
    after = files(folder)
    words = " ".join(line.arguments)
    for name in sorted({*before, *after}):
        if before.get(name) == after.get(name) or (name in before and name.startswith(STORES)):
            continue
        if name not in before and HALF_MADE.search(Path(name).name) and name not in words:
            yield f"{name} was left behind"
        if name in before and not name.startswith((*words.split(), "hard.", "link")) and name not in words:
            mode = (folder / name).lstat().st_mode if name in after else 0
            if S_ISREG(mode) or not mode:
                yield f"{name} was {'changed' if mode else 'removed'}"


def try_line(line: Line, origin: Path, folder: Path) -> tuple[int | None, str, list[str]]:
    """Run a line in a copy of the folder; its exit code, None for none, its stderr, and what is wrong."""
    copy(origin, folder)
    stores = {name: rows(folder / name, changed(line)) for name in STORES}
    there, interpreter, threads = files(folder), state(), threading.active_count()
    try:
        with alarm(SECONDS * (10 if {"--refine", "--polish", "--until"} & set(line.arguments) else 1)):
            ended = nccli(folder, line.arguments, line.stdin)
    except HangError as error:
        where = traceback.extract_tb(error.__traceback__)[-6:-1]
        return None, "", [f"no end in {SECONDS} s: " + " < ".join(f"{each.filename}:{each.lineno}" for each in where)]
    wrong = [*told(ended, line), *kept(stores, folder, line), *written(there, folder, line)]
    wrong += [f"left {name} changed" for name, value in state().items() if interpreter[name] != value]
    if threading.active_count() > threads + 1:
        wrong.append(f"left {threading.active_count() - threads} threads")
    return ended.code, ended.err, wrong


def main() -> int:
    """Try command lines and print what held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="a command, such as 'runs list'")
    parser.add_argument("--first", type=int, default=0, help="number of the first line")
    parser.add_argument("--show", action="store_true", help="every line as it is tried, on stderr")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE, resource.RLIM_INFINITY))
    declared = {path: each for path, each in commands().items() if options.only in (None, " ".join(path))}
    paths = sorted(declared)
    weights = [1 if len(path) and path not in (("runs",), ("store",)) else 0.1 for path in paths]
    exits: dict[str, Counter[str]] = defaultdict(Counter)
    wrong: dict[str, list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        os.environ["HOME"] = str(Path(place) / "home")
        origin = Path(place) / "origin"
        origin.mkdir()
        ids = make(origin)
        for i in range(options.first, options.first + options.lines):
            rng = random.Random(f"{options.seed} {i}")
            (path,) = rng.choices(paths, weights)
            line = Lines(ids, rng).line(path, declared[path])
            shown = f"{i}: nccli {shlex.join(line.arguments)!a}"
            with tempfile.TemporaryDirectory(dir=place) as folder:
                code, said, found = try_line(line, origin, Path(folder) / "w")
            if options.show:
                print(f"{shown}: {code} {said}", file=sys.stderr, flush=True)
            exits[line.command][str(code)] += 1
            wrong[line.command] += [f"{shown}: {problem}" for problem in found[:1]]
    for command, counts in sorted(exits.items()):
        tried, found = counts.total(), wrong[command]
        counted = {"tried": tried, "held": tried - len(found), "exits": dict(sorted(counts.items()))}
        print(json.dumps({"command": command, **counted, "wrong": found[:20]}))
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
