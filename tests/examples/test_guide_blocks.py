"""Every block of README and guide is carried out or read by the program that it is about."""

import ast
import importlib
import inspect
import re
import shlex
import sqlite3
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nccli
from nccli.cli.app import build_app
from nccli.e2e.images import ImageSet, LabelledImages
from nccli.e2e.load import ImageSource
from tests.cli.command import Nccli
from tests.cli.in_process import one_app
from tests.examples.page_blocks import ALL, ROOT, Block, marked
from tests.examples.pipelines import carry_out
from tests.examples.shell_words import commands
from tests.examples.test_paper_sweeps import show_ids

DRY = ("construct", "train-dufm", "train-e2e", "search", "sweep run")
"""Commands that plan; they are asked what they would do."""

ASKED = ("compare", "plot", "report", "runs list", "runs show", "runs tag", "runs export", "store path", "sweep status")
"""Commands that are carried out on a small store: a wrong name or query ends them with 2, nothing found with 3."""

READ = [block for block in ALL if block.language == "sh" and block.is_read]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of three constructions, and the examples."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "examples").symlink_to(ROOT / "examples")
    run = Nccli(folder)
    made = [run(f"construct --kind {kind} --K {K} --n 1").ids[0] for kind, K in (("dnc", 10), ("srg", 10), ("srg", 6))]
    (folder / "ids").write_text("\n".join(made) + "\n")
    return folder


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of data sets and trials, for options are checked before them."""

    def load(source: ImageSource) -> ImageSet:
        labels = np.arange(2000) % 10
        return ImageSet(source.dataset, 10, LabelledImages(np.zeros((2000, 1, 8, 8), np.float32), labels), None)

    monkeypatch.setattr(ImageSource, "load", load)
    monkeypatch.setattr("nccli.cli.commands.train_e2e._check_network", lambda *_: None)
    monkeypatch.setattr("nccli.cli.commands.train_e2e._show_plan", show_ids)
    monkeypatch.setattr("nccli.cli.commands.train_dufm.show_plan", show_ids)


@pytest.mark.usefixtures("few_images")
@pytest.mark.parametrize("block", READ, ids=str)
def test_commands_are_such_as_the_program_takes(block: Block, folder: Path) -> None:
    read(block.text, folder)


def read(script: str, folder: Path) -> None:
    """Look over what a script would start."""
    for program, *words in commands(script, (folder / "ids").read_text().split()[0]):
        if program in CHECKS:
            CHECKS[program](words, folder)


def nccli_takes(words: list[str], folder: Path) -> None:
    """Parse a command, and plan or ask what can be planned or asked."""
    names = iter((folder / "ids").read_text().split())
    words = [next(names) if word == "RUN" else word for word in words]
    name = parsed(words)
    if name in DRY and "--print" not in words:
        words = [*without(words, "--executor", "--slurm", "--name"), "--dry-run", "--quiet"]
    elif name not in ASKED or {"--path", "--paired", "--inline"} & set(words):
        return
    words = of_few_runs(name, without(words, "--store"))
    ended = Nccli(folder)(shlex.join(words), None, (folder / "ids").read_text())
    missing = ended.code == 2 and re.search(r"[Nn]o such file", ended.err)
    assert ended.code in (0, 3) or missing, f"nccli {shlex.join(words)}\n{ended.err}"


def parsed(words: list[str]) -> str:
    """The name of a command, whose words the program's own parser has taken."""
    import typer

    with one_app():
        command: Any = typer.main.get_command(build_app())
    name, rest = "", list(words)
    while hasattr(command, "commands"):
        assert rest, f"nccli {name}: no command"
        assert rest[0] in command.commands, f"nccli {name}: no command '{rest[0]}'"
        name, command = f"{name} {rest[0]}".strip(), command.commands[rest.pop(0)]
    try:
        command.make_context(name, rest)
    except typer.TyperException as error:
        raise AssertionError(f"nccli {shlex.join(words)}: {error.format_message()}") from error
    return name


def without(words: list[str], *options: str) -> list[str]:
    """Words without options and their values."""
    return [word for before, word in pairwise(["", *words]) if before not in options and word not in options]


def of_few_runs(name: str, words: list[str]) -> list[str]:
    """Words that ask for less: figures and reports of no run, theory of the first K and L of a range."""
    if name in ("plot", "report") and "-" not in words:
        nothing = " and ".join([*(f"({query})" for query in queries(words)), "K=0"])
        words = [*without(words, "--where"), "--where", nothing]
    if name in ("compare", "plot"):
        words = [re.sub(r"^(\d+)\.\.\d+$", r"\1", word) for word in without(words, "--loss")]
    return words


def queries(words: list[str]) -> list[str]:
    """Values of --where."""
    return [word for before, word in pairwise(words) if before == "--where"]


def sqlite_explains(words: list[str], folder: Path) -> None:
    """Have SQLite plan a query of a store."""
    explain(words[-1], folder)


def explain(query: str, folder: Path) -> None:
    """Have SQLite plan each statement on a store of today."""
    with sqlite3.connect(folder / "nccli.db") as store:
        for statement in filter(None, map(str.strip, query.split(";"))):
            store.execute(f"EXPLAIN {statement}")


def python_finds(words: list[str], folder: Path) -> None:
    """A module or script of the repository that is named is there."""
    del folder
    if words[0] == "-m" and words[1].split(".")[0] in ("nccli", "tests"):
        assert (ROOT / (words[1].replace(".", "/") + ".py")).is_file(), words[1]
    elif words[0].endswith(".py"):
        assert (ROOT / words[0]).is_file(), words[0]


def pip_knows(words: list[str], folder: Path) -> None:
    """Extras that are asked for are declared."""
    del folder
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra in re.findall(r"\[([\w,]+)\]", " ".join(words)):
        assert set(extra.split(",")) <= set(declared), extra


CHECKS: dict[str, Callable[[list[str], Path], None]] = {
    "nccli": nccli_takes,
    "sqlite3": sqlite_explains,
    "python": python_finds,
    "python3": python_finds,
    "pip": pip_knows,
}


@pytest.mark.parametrize("page", sorted({block.page for block in marked("ci: run")}), ids=lambda page: page.name)
def test_blocks_that_are_cheap_do_what_they_say(page: Path, tmp_path: Path) -> None:
    for block in marked("ci: run"):
        if block.page == page:
            carry_out(block.text, tmp_path)


@pytest.mark.parametrize("block", [block for block in ALL if block.language == "python"], ids=str)
def test_python_is_python_and_knows_its_names(block: Block) -> None:
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nccli"):
            module = importlib.import_module(node.module or "")
            assert [name.name for name in node.names if not hasattr(module, name.name)] == []
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "nccli":
            assert isinstance(node, ast.Call)
            function = getattr(nccli, called.attr)
            inspect.signature(function).bind(*node.args, **{word.arg: word.value for word in node.keywords if word.arg})
    if block.mark.startswith("ci: run"):
        exec(compile(tree, str(block), "exec"), {})  # the code of our own page


@pytest.mark.parametrize("block", [block for block in ALL if block.language == "sql"], ids=str)
def test_queries_are_such_as_the_store_takes(block: Block, folder: Path) -> None:
    explain(block.text, folder)


@pytest.mark.usefixtures("few_images")
@pytest.mark.parametrize("block", [block for block in ALL if block.language == "toml"], ids=str)
def test_sweep_files_are_such_as_the_program_takes(block: Block, tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(block.text)
    Nccli(tmp_path)("sweep run sweep.toml --dry-run --quiet")


@pytest.mark.usefixtures("few_images")
@pytest.mark.parametrize(
    "line",
    [
        "nccli train-dufm --steps 10 --polsh",
        "nccli train-dufm --K 6.10 --seed 0..9 | nccli compare -",
        "nccli train-dufm --optimizer sgd",
        "nccli train-e2e --reg l2",
        "nccli compare - --group-by lambda",
        "nccli compare --where 'wdd>1'",
        "nccli plot rank-vs-lambda",
        "nccli plot gram --width neurip",
        "nccli measure - --hesian",
        "nccli run list",
        "for kind in dnc srh; do nccli construct --kind $kind; done | nccli measure -",
        "pip install 'nccli[slurmm]'",
        "python -m nccli.cli.references examples/guide",
    ],
)
def test_a_wrong_word_in_a_page_is_found(line: str, folder: Path) -> None:
    with pytest.raises(AssertionError):
        read(line, folder)


def test_a_wrong_column_in_a_page_is_found(folder: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        explain("SELECT lambda FROM run_summary", folder)
