"""Hundreds of malformed command lines and files: each ends with 2 and a line or two, never with a traceback."""

import gzip
import io
import os
import pickle
import shlex
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

from nccli.cli.entry import run

_LIST_FAULTS = (
    "''",
    "x",
    "4,",
    ",4",
    "4..",
    "..4",
    "4..2",
    "1:2",
    "4..9:1",
    "4..9:x",
    "0x4",
    "1e400..2:3",
    "∞",
    "4;5",
    "--",
)
_INTEGER_FAULTS = (*_LIST_FAULTS, "1.5", "1e3", "99999999999999999999", "1..9999999999", "nan")
_FLOAT_FAULTS = (*_LIST_FAULTS, "nan", "inf", "-1", "1..2", "1e999", "0..1:3")
_WHERE_FAULTS = (
    *("''", "'K'", "'K='", "'=4'", "'K=x'", "'K=4 and'", "'and K=4'", "'x=1'", "'K=4; DROP TABLE run'", "'K=(4'"),
    *("'K==='", "'kind=\"dufm'", "'__class__=1'", "'K=4 K=5'", "'K<>4'", "'config=1'", "'loss~1'", "'1=1'"),
)
_OTHERS = (
    "train-dufm --steps x",
    "train-dufm --steps -1",
    "train-dufm --steps 0",
    "train-dufm --tol x",
    "train-dufm --tol -1",
    "train-dufm --wd-layers 1,2",
    "train-dufm --wd-layers x",
    "train-dufm --wd-layers ''",
    "train-dufm --wd-h1 nan",
    "train-dufm --wd-h1 -1",
    "train-dufm --activation tanh",
    "train-dufm --epsilon 2",
    "train-dufm --init-scale nan",
    "train-dufm --init-scale -1",
    "train-dufm --dtype float16",
    "train-dufm --device tpu",
    "train-dufm --optimizer sgd",
    "train-dufm --schedule step:",
    "train-dufm --schedule ''",
    "train-dufm --momentum 2",
    "train-dufm --collapse-tol nan",
    "train-dufm extra",
    "train-dufm --K",
    "train-dufm --store ''://",
    "train-dufm --store mysql://x/y",
    "train-dufm --store sqlite://",
    "train-dufm --format xml",
    "train-dufm --L 1",
    "train-dufm --n 0",
    "train-dufm --K 1",
    "construct",
    "construct --kind x",
    "construct --kind graph",
    "construct --kind dnc --graph square",
    "construct --kind graph --graph 0-0",
    "construct --kind graph --graph 0-1,0-1",
    "construct --kind graph --graph x",
    "construct --kind graph --graph ''",
    "construct --kind srg --K 3",
    "construct --kind srg --variant x",
    "construct --kind dnc --variant blocks",
    "construct --kind dnc --export x.txt",
    "construct --kind dnc --export a/b.npz",
    "construct --kind dnc --K 4,5 --export x.npz",
    "construct --kind dnc --width 1",
    "construct --kind graph --graph 1-1e9",
    "compare --theory --K x",
    "compare --K 4",
    "compare --theory --where K=4",
    "compare --group-by x",
    "compare --rank-rtol 2",
    "compare --rank-rtol -1",
    "compare --rank-rtol x",
    "compare --format yaml",
    "plot",
    "plot nothing",
    "plot spectra -o x.gif",
    "plot spectra -o a/b/c.svg",
    "plot spectra --width 0",
    "plot spectra --width x",
    "plot spectra --K 4",
    "plot loss-ratio --K x",
    "plot spectra --data x.txt",
    "plot spectra --format bmp",
    "plot loss-ratio --wd x",
    "plot spectra -o x.svg --format png",
    "plot loss-ratio --n x",
    "runs",
    "runs nothing",
    "runs show",
    "runs rm",
    "runs list --limit -1",
    "runs list --limit x",
    "runs import",
    "runs export -o x.feather",
    "runs export -o x.parquet --format csv",
    "runs export -o a/b/c",
    "runs import nothing.jsonl",
    f"runs import {'é' * 300}",
    f"measure {'é' * 300}.pt",
    f"train-e2e --dataset {'é' * 300}",
    f"train-e2e --dataset mnist --no-download --data-dir {'é' * 300}",
    "runs list --rank-rtol nan",
    "store",
    "store nothing",
    "store merge",
    "store merge a.db --into b.db --store c.db",
    "store backup a/b/c.db",
    "store path --format ids",
    "store path extra",
    "bogus",
    "--bogus",
    "-x",
    "--version=1",
    "runs list --store 'a\0b'",
)
LINES = (
    *(
        f"train-dufm {option} {fault}"
        for option, fault in product(("--K", "--L", "--n", "--width", "--seed"), _INTEGER_FAULTS)
    ),
    *(f"train-dufm {option} {fault}" for option, fault in product(("--wd", "--lr"), _FLOAT_FAULTS)),
    *(f"construct --kind dnc --K {fault}" for fault in _INTEGER_FAULTS),
    *(f"compare --theory --wd {fault}" for fault in _FLOAT_FAULTS),
    *(f"{command} --where {fault}" for command, fault in product(("runs list", "compare"), _WHERE_FAULTS)),
    *_OTHERS,
)
FILES = {
    "empty object": b"{}",
    "list": b"[]",
    "number": b"7",
    "half": b'{"run": {"id": "0123',
    "text": b"to whom it may concern\n",
    "binary": bytes(range(256)),
    "pickle": pickle.dumps({"run": print}),
    "gzip": gzip.compress(b"{}"),
    "deep": b"[" * 50_000,
    "NaN": b'{"run": NaN, "layer": [], "singular_value": [], "history": [], "matrix": []}',
    "NUL": b"\0" * 100,
    "an SQLite file": b"SQLite format 3\0" + b"\0" * 84,
    "a torch file": b"PK\x03\x04" + b"\0" * 30,
    "numbers of 10,000 digits": b'{"run": ' + b"9" * 10_000 + b"}",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refuse(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must end with 2 and say why; returns what it said."""
    code = run(arguments)
    out, err = capsys.readouterr()
    assert code == 2, f"{arguments} ended with {code}: {out}{err}"
    assert "Traceback" not in err
    assert "internal error" not in err
    return err


def test_there_are_hundreds() -> None:
    assert len(LINES) + len(FILES) >= 300


def test_malformed_command_lines_end_with_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in LINES:
        err = refuse(shlex.split(line), capsys)
        if not err.startswith("Usage: "):
            said = [text for text in err.splitlines() if not text.startswith("note: ")]
            assert said[0].startswith("nccli: "), line
            assert len(said) <= 2, line
    assert list(folder.iterdir()) == [], "a refused command made something"


@pytest.mark.parametrize("name", FILES)
def test_malformed_files_end_with_2_and_make_no_store(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (folder / "file").write_bytes(FILES[name])
    assert refuse(["runs", "import", "file"], capsys).startswith("nccli: file, line 1: no exported run: ")
    assert [file.name for file in folder.iterdir()] == ["file"]


def test_a_folder_that_is_no_export_ends_with_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "odd").mkdir()
    assert refuse(["runs", "import", "odd"], capsys).startswith("nccli: odd/run.csv: cannot be read")


@pytest.mark.parametrize("line", ["runs import", "measure", "train-e2e --dataset"])
def test_a_folder_that_may_not_be_entered_ends_with_2(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    (folder / "locked").mkdir(mode=0o000)
    if os.access(folder / "locked", os.X_OK):
        pytest.skip("root may enter everywhere")
    assert "Permission denied" in refuse([*line.split(), "locked/file.npz"], capsys)


class _Endless(io.RawIOBase):
    """What `yes` writes."""

    def readline(self, size: int | None = -1, /) -> bytes:
        return b"y\n"

    def read(self, size: int = -1, /) -> bytes:
        pytest.fail("an endless stream is read to its end")


def test_a_stream_is_refused_at_its_first_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=_Endless(), isatty=lambda: False))
    assert refuse(["runs", "import", "-"], capsys).startswith("nccli: -, line 1: no exported run")
