"""Runs out of the store, into it, and stores made one, by the installed command."""

import json
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from nccli.cli import input_pipe
from tests.cli.command import Nccli
from tests.cli.conftest import TINY, Made
from tests.cli.sql import change, query
from tests.cli.terminal import terminal

CONTENT = "SELECT * FROM {} ORDER BY 1, 2, 3"
TABLES = ("run", "layer", "singular_value", "history", "matrix")


def content(path: Path) -> list[object]:
    return [query(path, CONTENT.format(table)) for table in TABLES]


def test_an_export_in_either_form_brings_everything_back(own_grid: Path, run: Nccli) -> None:
    assert run("runs export -o all.jsonl").out == "all.jsonl\n"
    assert run("runs export -o all").out == "all\n"
    piped = run("runs export")
    assert piped.raw == (run.folder / "all.jsonl").read_bytes()
    run("runs import all.jsonl --store a.db")
    run("runs import all --store b.db")
    run("runs import - --store c.db", stdin=piped.raw)
    assert content(run.folder / "a.db") == content(run.folder / "b.db") == content(run.folder / "c.db")
    assert content(run.folder / "a.db") == content(own_grid)
    (again,) = run("runs import all --store a.db").records
    assert (again["added"], again["same"], again["conflicts"]) == (0, 6, [])


def test_an_import_reads_a_pipe_and_waits_for_no_writer_for_ever(
    own_grid: Path, run: Nccli, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "runs import <(sleep 0.3; nccli runs export --store nccli.db) --store"
    run.sh(f"nccli {slow} slow.db")
    assert content(run.folder / "slow.db") == content(own_grid)
    os.mkfifo(run.folder / "silent")
    monkeypatch.setattr(input_pipe, "_SECONDS", 0.1)
    assert "'silent': cannot be read: nobody writes into the pipe" in run("runs import silent --store s.db", code=2).err
    assert not (run.folder / "s.db").exists()
    missing = run("runs import nowhere.jsonl", code=2).err
    assert missing.endswith("'nowhere.jsonl': cannot be read: No such file or directory\n")


def test_a_fault_in_an_import_changes_nothing(own_grid: Path, run: Nccli) -> None:
    run("runs export -o all.jsonl")
    lines = (run.folder / "all.jsonl").read_text().splitlines()
    (run.folder / "bad.jsonl").write_text("\n".join([*lines[:3], lines[3][:-9]]))
    ended = run("runs import bad.jsonl --store new.db", code=2)
    assert ended.err.startswith("nccli: bad.jsonl, line 4: no exported run: ")
    assert not (run.folder / "new.db").exists()


def test_scripts_say_yes_before_runs_are_deleted(own_grid: Path, run: Nccli) -> None:
    before = own_grid.read_bytes()
    ended = run("runs rm --where kind=dufm", code=2)
    assert "say --yes" in ended.err
    assert own_grid.read_bytes() == before
    run("runs rm", code=2)
    run("runs rm 000000000000 --yes", code=3)
    deleted = run("runs rm --where kind=dufm --yes").ids
    assert len(deleted) == 4
    assert query(own_grid, "SELECT DISTINCT kind FROM run ORDER BY kind") == [{"kind": "dnc"}, {"kind": "srg"}]
    assert query(own_grid, "SELECT COUNT(*) AS n FROM history") == [{"n": 0}]
    assert all(record["ok"] for record in run("store check").records)


@pytest.mark.parametrize(("answer", "left"), [(b"y\n", 5), (b"\n", 6)])
def test_a_person_is_asked_before_runs_are_deleted(
    own_grid: Path, grid: Made, run: Nccli, answer: bytes, left: int
) -> None:
    import os

    with terminal() as screen, run.start(f"runs rm {grid.ids[0]}", stdin=screen.end, stderr=screen.end) as process:
        screen.wait_for(rf"Delete run {grid.ids[0]} for good\? \[y/N\]")
        os.write(screen._screen, answer)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert query(own_grid, "SELECT COUNT(*) AS n FROM run") == [{"n": left}]


def test_stores_are_merged_and_differences_told(own_grid: Path, grid: Made, run: Nccli) -> None:
    shutil.copy(own_grid, run.folder / "other.db")
    change(run.folder / "other.db", f"UPDATE run SET loss = 0.5 WHERE id = '{grid.ids[0]}'")
    ended = run("store merge nccli.db other.db --into all.db", code=4)
    (record,) = ended.records
    assert record["conflicts"] == [grid.ids[0]]
    assert f"run {grid.ids[0]} has another result in " in ended.err
    assert "which is stored" in ended.err
    assert "all.db" not in ended.err, "it had none before"
    assert run("store merge nccli.db missing.db --into new.db", code=3).out == ""
    assert not (run.folder / "new.db").exists()
    assert "merge into" in run("store merge nccli.db --into ./nccli.db", code=2).err


@pytest.mark.parametrize("between", [1, 60])
def test_two_results_of_one_run_in_one_file_are_told_of_that_file(run: Nccli, between: int) -> None:
    """Next to each other, or so far apart that the first is in the store when the second is read."""
    run(f"construct --kind dnc --K 4 --L 3 --wd 1e-3..1e-2:{between + 1}")
    first, *others = run("runs export").records
    key, loss = first["run"]["id"], first["run"]["loss"]
    lines = [first, {**first, "run": {**first["run"], "loss": 2 * loss, "created": "2999-01-01T00:00:00.000000+00:00"}}]
    lines[1:1] = others
    (run.folder / "two.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ended = run("runs import two.jsonl --store new.db", code=4)
    assert f"run {key} has two results in two.jsonl: loss {loss!r}, which is stored, and loss {2 * loss!r}" in ended.err
    assert "new.db" not in ended.err
    again = run("runs import - --store new.db", code=4, stdin=(run.folder / "two.jsonl").read_bytes())
    assert f"run {key} has another result in stdin (loss {2 * loss!r}) than in new.db (loss {loss!r})" in again.err


def test_a_backup_is_the_store_and_replaces_nothing(own_grid: Path, run: Nccli) -> None:
    assert run("store backup copy.db").out == "copy.db\n"
    assert content(run.folder / "copy.db") == content(own_grid)
    assert "is there already" in run("store backup copy.db", code=2).err
    assert "the store itself" in run("store backup ./nccli.db --force", code=2).err
    run("store backup copy.db --force")
    named = run("store backup").out.strip()
    assert content(run.folder / named) == content(own_grid)


def test_an_upgrade_says_what_it_did(own_grid: Path, run: Nccli) -> None:
    (record,) = run("store upgrade").records
    assert (record["upgraded_from"], record["backup"]) == (None, None)


def test_a_store_that_fills_up_while_runs_are_trained_loses_none_of_them(run: Nccli) -> None:
    """A trigger stands for the full disk: SQLite refuses the results in words of its own."""
    run("construct --kind dnc --K 4 --L 3")
    path = run.folder / "nccli.db"
    change(
        path, "CREATE TRIGGER full BEFORE INSERT ON layer BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    ended = run(f"train-dufm {TINY} --seed 0..2 --quiet", code=5)
    assert "the disk is full" in ended.err
    (rescue,) = run.folder.glob("nccli.db-rescue-*.db")
    assert f"nccli store merge {rescue} --into nccli.db" in ended.err
    change(path, "DROP TRIGGER full")
    (report,) = run(f"store merge {rescue} --into nccli.db").records
    assert report["added"] == 3
    assert all(record["ok"] for record in run("store check").records)
    assert "3 of 3 runs are in the store already" in run(f"train-dufm {TINY} --seed 0..2").err


@pytest.mark.long
def test_two_commands_asked_for_one_run_train_it_once(run: Nccli) -> None:
    line = f"train-dufm {TINY} --seed 0 --tol 0".replace("--steps 800", "--steps 6000")
    with run.start(line, {"CC": ""}) as first, run.start(line, {"CC": ""}) as second:
        ended = [process.communicate(timeout=90) for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0]
    assert ended[0][0] == ended[1][0]
    waited = [b"being made elsewhere" in err or b"in the store already" in err for _, err in ended]
    assert sorted(waited) == [False, True]
    assert query(run.folder / "nccli.db", "SELECT status FROM run") == [{"status": "stopped"}]


def test_a_run_in_training_is_listed_without_results_and_left_out_of_comparisons(run: Nccli) -> None:
    line = f"train-dufm {TINY} --seed 0 --tol 0".replace("--steps 800", "--steps 1000000000")
    with terminal() as screen, run.start(line, stderr=screen.end) as training:
        screen.wait_for(r"step [1-9]")
        (record,) = run("runs list").records
        assert (record["status"], record["loss"], record["ratio_dnc"], record["layers"]) == (
            "running",
            "nan",
            "nan",
            [],
        )
        table = run("runs list --format table").out
        assert "nan" not in table
        assert run(f"compare {record['id']}", code=3).err == "nccli: nothing to show yet: the run is still running\n"
        assert run("compare", code=3).out == ""
        assert run("plot spectra --where K=4 -o x.svg", code=3).out == ""
        assert "in training" in run(f"runs rm {record['id']} --yes", code=5).err
        assert run("runs export").out == ""
        training.send_signal(signal.SIGKILL)
        training.communicate()
        screen.drain()
    assert json.loads(run("runs list").out)["status"] == "interrupted"
    with closing(sqlite3.connect(run.folder / "nccli.db")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM worker").fetchone() == (0,)
