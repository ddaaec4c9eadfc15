"""A store that cannot be used: exit code 5; one of a newer nccli: 6. It is never changed."""

import gzip
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.sql import change

CONSTRUCT = "construct --kind dnc --K 5 --L 3"
READERS = ["runs list", "store check"]


def test_a_file_that_is_no_database_is_refused_and_left_alone(run: Nccli) -> None:
    text = b"this is my thesis, not a database\n" * 100
    file = run.folder / "nccli.db"
    file.write_bytes(text)
    for ended in run.all([*READERS, CONSTRUCT], code=5).values():
        assert ended.err.startswith("nccli: the store nccli.db is not an SQLite database")
        assert len(ended.err.splitlines()) == 1
    assert file.read_bytes() == text


def test_a_damaged_store_is_refused(own_grid: Path, run: Nccli) -> None:
    content = bytearray(own_grid.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 64] = b"\xff" * 64
    own_grid.write_bytes(content)
    for ended in run.all(["runs list", "store check", CONSTRUCT], code=5).values():
        assert ended.err.startswith("nccli: the store nccli.db ")
        assert len(ended.err.splitlines()) == 1


def test_damage_inside_a_table_is_found_by_store_check(own_grid: Path, run: Nccli) -> None:
    content = own_grid.read_bytes()
    own_grid.write_bytes(content[: len(content) - len(content) // 4096 // 3 * 4096])
    assert run("store check", code=5).err.startswith("nccli: the store ")


def test_a_folder_that_does_not_exist_is_not_made(run: Nccli) -> None:
    ended = run(f"{CONSTRUCT} --store missing/nccli.db", code=5)
    assert ended.err == "nccli: cannot make a store at missing/nccli.db: the folder missing does not exist\n"
    assert list(run.folder.iterdir()) == []


def test_a_folder_is_no_store(run: Nccli) -> None:
    (run.folder / "runs").mkdir()
    assert run("runs list --store runs", code=5).err.startswith("nccli: the store runs cannot be opened")


def test_a_database_of_another_program_is_refused(run: Nccli) -> None:
    file = run.folder / "nccli.db"
    change(file, "CREATE TABLE run (name TEXT)")
    before = file.read_bytes()
    for ended in run.all(["runs list", CONSTRUCT], code=5).values():
        assert ended.err.startswith("nccli: nccli.db is a database of another program")
    assert file.read_bytes() == before


def test_a_store_of_a_newer_nccli_ends_with_6_and_is_left_alone(own_grid: Path, run: Nccli) -> None:
    change(own_grid, "UPDATE nccli_schema_version SET version_num = '9999'")
    before = own_grid.read_bytes()
    for ended in run.all([*READERS, CONSTRUCT, "train-dufm --steps 10 --quiet"], code=6).values():
        assert ended.err.startswith("nccli: the store nccli.db has schema 9999")
        assert ended.out == ""
    assert own_grid.read_bytes() == before


def test_commands_wait_for_a_locked_store_and_go_on_when_it_is_free(own_grid: Path, run: Nccli) -> None:
    with closing(sqlite3.connect(own_grid, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with run.start(CONSTRUCT) as writing, run.start("runs list") as reading:
            time.sleep(4)
            assert writing.poll() is None
            assert reading.poll() is None
            other.execute("COMMIT")
            for waiting in (writing, reading):
                out, err = waiting.communicate(timeout=30)
                assert waiting.returncode == 0, err
                assert out
                assert err == b""


@pytest.fixture(params=[pytest.param("delete", marks=pytest.mark.long), "wal"])
def read_only(own_grid: Path, run: Nccli, request: pytest.FixtureRequest) -> Iterator[str]:
    """A folder that cannot be written, with a store and an old store; yields what puts `nccli` under that rule."""
    released = Path(__file__).parents[1] / "store" / "released" / "0001.db.gz"
    (run.folder / "old.db").write_bytes(gzip.decompress(released.read_bytes()))
    for file in run.folder.glob("*.db"):
        change(file, f"PRAGMA journal_mode={request.param}")
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and without setpriv (util-linux) it cannot give that up")
    for file in run.folder.iterdir():
        file.chmod(0o444)
    run.folder.chmod(0o555)
    yield "setpriv --bounding-set -all --inh-caps -all nccli" if os.geteuid() == 0 else "nccli"
    run.folder.chmod(0o755)


def test_a_store_that_cannot_be_written_is_read_and_nothing_is_trained(read_only: str, run: Nccli, grid: Made) -> None:
    assert set(grid.ids) <= set(run.sh(f"{read_only} runs list --format ids").ids)
    run.sh(f"{read_only} store check")
    for line in (CONSTRUCT, "train-dufm --K 4 --L 3 --n 1 --width 6 --steps 50 -q", f"{CONSTRUCT} --store new.db"):
        ended = run.sh(f"{read_only} {line}", code=5)
        assert "check " in ended.err
        assert len(ended.err.splitlines()) == 1


@pytest.mark.long
def test_an_old_store_that_cannot_be_written_is_read_through_a_copy_and_merged_elsewhere(
    read_only: str, run: Nccli
) -> None:
    before = (run.folder / "old.db").read_bytes()
    ended = run.sh(f"{read_only} runs list --store old.db")
    assert len(ended.out.splitlines()) == 5
    assert "old.db has the older schema 0001, and it may not be written: an upgraded copy is read" in ended.err
    ended = run.sh(f"{read_only} {CONSTRUCT} --store old.db", code=6)
    assert "needs an upgrade from schema 0001" in ended.err
    assert "nccli store merge old.db --into NEW.db" in ended.err
    ended = run.sh(
        f"new=$(mktemp -d)/new.db; {read_only} store merge old.db --into $new; {read_only} runs list --store $new"
    )
    assert len(ended.out.splitlines()) == 6
    assert (run.folder / "old.db").read_bytes() == before
