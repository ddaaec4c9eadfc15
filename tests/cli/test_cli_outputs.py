"""What a command writes for a person never lands on a store or on what belongs to one, under any name."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from nccli.cli.app import build_app
from tests.cli.command import Nccli
from tests.cli.conftest import Made

BELONGING = ("nccli.db-journal", "nccli.db-wal", "nccli.db-shm", "nccli.db-checkpoint-0123456789ab.npz")


@dataclass(frozen=True)
class Writer:
    """An option that writes a file.

    Attributes:
        command: as `nccli` shows it.
        option: its name.
        line: a command line, to be filled in with the file.
        suffix: that the file must have.
        inside: name of the file that is written in a folder, where the option takes a folder.
    """

    command: str
    option: str
    line: str
    suffix: str
    inside: str = ""

    @property
    def id(self) -> str:
        """For pytest."""
        return f"{self.command} {self.option}{self.inside and ' FOLDER'}{' matrices' * ('--matrices' in self.line)}"


PLOT = "plot loss-ratio --K 4 --L 3 --n 2 --wd 2e-3"
WRITERS = (
    Writer("plot", "--output", f"{PLOT} -o {{}}", ".svg"),
    Writer("plot", "--data", f"{PLOT} -o fine.svg --data {{}}", ".csv"),
    Writer("report", "--output", "report --where 'kind=dnc' -o {}", ".html"),
    Writer("plot", "--caption", f"{PLOT} -o fine.svg --caption {{}}", ".tex"),
    Writer("runs export", "--output", "runs export -o {}", ".jsonl"),
    Writer("runs export", "--output", "runs export -o {}", ".parquet"),
    Writer("runs export", "--output", "runs export -o {}", "", "run.csv"),
    Writer("runs export", "--output", "runs export --matrices --where 'seed=0 and wd=2e-3' -o {}", ".npz"),
    Writer("train-dufm", "--export", "train-dufm --K 4 --L 3 --n 2 --width 6 --steps 5 --export {}", ".npz"),
    Writer("construct", "--export", "construct --kind dnc --K 4 --L 3 --width 6 --force --export {}", ".npz"),
    Writer("train-e2e", "--export", "train-e2e --backbone mlp --epochs 1 --export {}", ".pt"),
    Writer("store backup", "file", "store backup {} --force", ".db"),
)
READING = (
    "--store",
    "--dataset",
    "--dataset-name",
    "--data-dir",
    "--from",
    "--labels",
    "--ood",
    "--weights",
    "targets",
)
OTHERS = {"store merge --into", "store seal file", "runs import source", "sweep run file", "train-dufm --targets"}
"""Options that name a file or a store, and that write no file for a person."""


def symlink(name: Path, target: Path) -> None:
    name.symlink_to(target)


def chain(name: Path, target: Path) -> None:
    (name.parent / "step").symlink_to(target)
    name.symlink_to("./step")


def hard_link(name: Path, target: Path) -> None:
    name.hardlink_to(target)


def detour(name: Path, target: Path) -> None:
    elsewhere = name.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(os.path.relpath(target, elsewhere))
    name.symlink_to("elsewhere/../elsewhere/link")


def by_process(name: Path, target: Path) -> None:
    name.symlink_to(f"/proc/self/cwd/{target.name}")


DISGUISES = (symlink, chain, hard_link, detour, by_process)


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """Bytes of every file below a folder, and targets of links."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture(params=WRITERS, ids=lambda writer: writer.id)
def writer(request: pytest.FixtureRequest) -> Writer:
    return request.param


@pytest.fixture
def refused(own_grid: Path, run: Nccli) -> Callable[..., str]:
    """Run a command that must be refused in a line and change nothing; returns the line."""

    def check(line: str, **environment: str) -> str:
        before = snapshot(run.folder)
        ended = run(line, code=2, **environment)
        assert snapshot(run.folder) == before
        assert ended.out == ""
        assert ended.err.startswith("nccli: ")
        assert ended.err.count("\n") == 1
        return ended.err

    return check


def named(run: Nccli, writer: Writer) -> tuple[Path, str]:
    """The file that a writer will write, not made yet, and the command line."""
    if not writer.inside:
        return run.folder / f"out{writer.suffix}", writer.line.format(f"out{writer.suffix}")
    (run.folder / "out").mkdir()
    return run.folder / "out" / writer.inside, writer.line.format("out")


def test_every_option_that_names_a_file_to_write_is_tried_here() -> None:
    def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, (*path, name))
        for parameter in command.params:
            shown = f"{parameter.metavar or ''} {parameter.name}"
            if any(word in shown for word in ("FILE", "FOLDER", "PATH", "export", "output", "data", "into")):
                yield " ".join(path), max(parameter.opts, key=len)

    found = set(walk(typer.main.get_command(build_app())))
    reading = {option for option in found if option[1] in READING}
    known = {(writer.command, writer.option) for writer in WRITERS}
    assert {" ".join(option) for option in found - reading - known} == OTHERS
    assert known <= found


@pytest.mark.parametrize("disguise", DISGUISES)
def test_the_store_is_refused_in_every_disguise(
    refused: Callable[..., str], run: Nccli, writer: Writer, disguise: Callable[[Path, Path], None]
) -> None:
    name, line = named(run, writer)
    disguise(name, run.folder / "nccli.db")
    assert "the store itself" in refused(line)


def test_the_store_is_refused_by_its_own_name(refused: Callable[..., str], run: Nccli, writer: Writer) -> None:
    name, line = named(run, writer)
    (run.folder / "nccli.db").rename(name)
    place = name.relative_to(run.folder)
    assert "the store itself" in refused(f"{line} --store {place}")
    assert "the store itself" in refused(f"{line} --store sqlite:///{place}")
    assert "the store itself" in refused(line, NCCLI_STORE=str(name))
    if writer.command != "store backup":
        assert "an SQLite database" in refused(f"{line} --store other.db")


def test_a_store_that_is_not_there_yet_is_refused(run: Nccli, writer: Writer) -> None:
    name, line = named(run, writer)
    name.symlink_to(run.folder / "later.db")
    ended = run(f"{line} --store later.db", code=2)
    assert "the store itself" in ended.err
    assert not (run.folder / "later.db").exists()


@pytest.mark.parametrize("belonging", BELONGING)
@pytest.mark.parametrize("there", [False, True])
def test_what_belongs_to_the_store_is_refused(
    refused: Callable[..., str], run: Nccli, writer: Writer, belonging: str, there: bool
) -> None:
    """Behind a link, as most options ask for a suffix; a dangling one where the file is not there."""
    name, line = named(run, writer)
    if there:
        (run.folder / belonging).write_bytes(b"")
    name.symlink_to(run.folder / belonging)
    assert "of a store" in refused(line)
    if there:
        name.unlink()
        name.hardlink_to(run.folder / belonging)
        assert "of a store" in refused(line)


@pytest.mark.parametrize("copy", ["nccli.db-backup-20260101T000000Z", "nccli.db-before-upgrade-from-0002", "notes"])
def test_other_databases_are_refused(refused: Callable[..., str], run: Nccli, writer: Writer, copy: str) -> None:
    if writer.command == "store backup":
        pytest.skip("with --force a backup takes the place of another")
    name, line = named(run, writer)
    shutil.copy(run.folder / "nccli.db", run.folder / copy)
    name.symlink_to(run.folder / copy)
    refused(line)
    name.unlink()
    name.hardlink_to(run.folder / copy)
    refused(line)
    name.unlink()
    name.symlink_to(run.folder / f"{copy}-wal")
    assert "a journal of a store" in refused(line)


def test_a_folder_is_refused(refused: Callable[..., str], run: Nccli, writer: Writer) -> None:
    name, line = named(run, writer)
    name.mkdir()
    assert "cannot be written: Is a directory" in refused(line)


def test_a_folder_that_is_missing_is_refused(refused: Callable[..., str], writer: Writer) -> None:
    assert "cannot be written: No such file or directory" in refused(writer.line.format(f"no/out{writer.suffix}"))


def test_a_folder_that_may_not_be_written_is_refused(refused: Callable[..., str], run: Nccli, writer: Writer) -> None:
    (run.folder / "locked").mkdir(mode=0o500)
    if os.access(run.folder / "locked", os.W_OK):
        pytest.skip("root may write everywhere")
    assert "cannot be written: Permission denied" in refused(writer.line.format(f"locked/out{writer.suffix}"))


@pytest.mark.parametrize("odd", ["loop", "x" * 300])
def test_a_name_that_leads_nowhere_is_refused(
    refused: Callable[..., str], run: Nccli, writer: Writer, odd: str
) -> None:
    name = f"{odd}{writer.suffix}"
    if odd == "loop":
        (run.folder / name).symlink_to(name)
    assert "cannot be written: " in refused(writer.line.format(name))


@pytest.mark.parametrize("name", ["nccli.db", "picture.db", "a.pdf", "a.jpeg"])
def test_suffix_and_format_of_a_figure_agree(refused: Callable[..., str], name: str) -> None:
    assert f"-o '{name}' says" in refused(f"{PLOT} -o {name} --format png")


def test_a_figure_without_a_suffix_takes_any_format(own_grid: Path, run: Nccli) -> None:
    run(f"{PLOT} -o picture --format png")
    assert (run.folder / "picture").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("linked", [symlink, hard_link])
def test_a_figure_and_its_numbers_are_two_files(
    refused: Callable[..., str], run: Nccli, linked: Callable[[Path, Path], None]
) -> None:
    (run.folder / "a.svg").write_text("old")
    linked(run.folder / "a.csv", run.folder / "a.svg")
    assert "are one file" in refused(f"{PLOT} -o a.svg --data a.csv")
    (run.folder / "a.svg").unlink()
    if linked is symlink:
        assert "are one file" in refused(f"{PLOT} -o a.svg --data a.csv")


def test_two_tables_of_an_export_are_two_files(refused: Callable[..., str], run: Nccli) -> None:
    (run.folder / "out").mkdir()
    (run.folder / "out" / "run.csv").symlink_to("layer.csv")
    assert "are one file" in refused("runs export -o out")


def test_a_folder_takes_the_place_of_no_file(refused: Callable[..., str], run: Nccli) -> None:
    (run.folder / "notes").write_text("mine")
    assert "File exists" in refused("runs export -o notes")


@pytest.mark.parametrize("end", ["-wal", "-journal", "-checkpoint-x"])
def test_a_folder_takes_no_name_of_the_store(refused: Callable[..., str], run: Nccli, end: str) -> None:
    (run.folder / "nccli.db").rename(run.folder / "grid")
    assert "of a store" in refused(f"runs export -o grid{end} --store grid")


def test_a_network_takes_the_place_of_no_data_set(run: Nccli) -> None:
    (run.folder / "images.npz").write_bytes(b"images")
    (run.folder / "net.pt").symlink_to("images.npz")
    ended = run("train-e2e --dataset images.npz --export net.pt", code=2)
    assert "is what the command reads" in ended.err
    assert (run.folder / "images.npz").read_bytes() == b"images"


def test_a_backup_takes_the_place_of_no_rescue_file_and_of_nothing_in_use(
    refused: Callable[..., str], own_grid: Path, run: Nccli
) -> None:
    for name in ("nccli.db-rescue-01234567.db", "other.db", "other.db-wal"):
        shutil.copy(own_grid, run.folder / name)
    assert "a rescue file" in refused("store backup nccli.db-rescue-01234567.db --force")
    assert "other.db-wal" in refused("store backup other.db --force")
    os.mkfifo(run.folder / "fifo")
    assert "must be a file" in refused("store backup fifo --force")


def test_a_backup_follows_a_link_and_replaces_another_only_when_forced(own_grid: Path, run: Nccli) -> None:
    with closing(sqlite3.connect(run.folder / "other.db")) as other:
        other.execute("CREATE TABLE t (x)")
    (run.folder / "link.db").symlink_to("other.db")
    assert "is there already" in run("store backup link.db", code=2).err
    run("store backup link.db --force")
    assert (run.folder / "link.db").is_symlink()
    assert len(run("runs list --store other.db").records) == 6


def test_a_merge_knows_its_target_under_another_name(refused: Callable[..., str], own_grid: Path, run: Nccli) -> None:
    hard_link(run.folder / "b.db", own_grid)
    assert "merge into" in refused("store merge nccli.db --into b.db")


@pytest.mark.parametrize("line", [f"{PLOT} --format svg -o {{}}", "runs export -o {}"])
def test_devices_and_pipes_are_written_to(grid: Made, run: Nccli, line: str) -> None:
    line = f"{line} --store {grid.path}"
    whole = run(line.format("-")).raw
    assert run(line.format("/dev/stdout")).raw == whole
    run(line.format("/dev/null"))
    os.mkfifo(run.folder / "fifo")
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append((run.folder / "fifo").read_bytes()))
    reader.start()
    assert run(line.format("fifo")).out == "fifo\n"
    reader.join(10)
    assert received == [whole]


def test_stdout_into_a_store_is_refused(own_grid: Path, run: Nccli) -> None:
    """By the shell, which does not ask; what it truncates is lost before nccli starts."""
    before = own_grid.read_bytes()
    ended = run.sh("nccli runs list >> nccli.db || nccli plot loss-ratio -o /dev/stdout --format svg 1<> nccli.db", 2)
    assert ended.err == "nccli: stdout is an SQLite database: redirect it into another file\n" * 2
    assert own_grid.read_bytes() == before


def test_what_is_written_through_a_shell_reaches_its_pipe(grid: Made, run: Nccli) -> None:
    export = f"nccli runs export --store {grid.path} -o"
    ended = run.sh(f"{export} /dev/stdout | cat; {export} >(cat >&2) > /dev/null")
    assert ended.raw == ended.err.encode() == run(f"runs export --store {grid.path}").raw


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.id)
def test_a_name_that_a_terminal_would_obey_is_not_written(own_grid: Path, run: Nccli, writer: Writer) -> None:
    before = sorted(run.folder.iterdir())
    for control in ("\x9b2J", "\x1b[2J", "a\nb"):
        ended = run(writer.line.format(f"'{control}{writer.suffix}'"), code=2)
        assert "control character" in ended.err
        assert control not in ended.err + ended.out
    assert sorted(run.folder.iterdir()) == before
