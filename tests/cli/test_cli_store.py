"""Where the store is, and whether it is sound."""

from pathlib import Path

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.sql import change


def test_the_path_is_told_whether_or_not_there_is_a_store(run: Nccli) -> None:
    plain, record = run.all(["store path", "store path --format jsonl"]).values()
    assert plain.out == f"{run.folder / 'nccli.db'}\n"
    assert record.records == [{"path": str(run.folder / "nccli.db")}]
    assert list(run.folder.iterdir()) == []


def test_the_option_comes_before_the_environment_and_that_before_the_folder(run: Nccli) -> None:
    named, environment = run.all(["store path --store option.db", "store path"], NCCLI_STORE="env.db").values()
    assert named.out == f"{run.folder / 'option.db'}\n"
    assert environment.out == f"{run.folder / 'env.db'}\n"


def test_runs_go_into_the_store_that_is_named_and_no_other_is_made(run: Nccli) -> None:
    line = "construct --kind dnc --K 4 --L 3"
    first = run(f"{line} --store 'my runs.db'").ids
    assert run(line, NCCLI_STORE="env.db").ids == first
    assert sorted(file.name for file in run.folder.iterdir()) == ["env.db", "my runs.db"]
    assert run("runs list --format ids", NCCLI_STORE="my runs.db").ids == first


def test_a_url_names_the_same_store_as_a_path(own_grid: Path, grid: Made, run: Nccli) -> None:
    listed = run(f"runs list --store sqlite:///{own_grid} --format ids --where kind=dufm").ids
    assert sorted(listed) == sorted(grid.ids)


def test_the_password_of_a_url_is_not_told(run: Nccli) -> None:
    ended = run("store path --store postgresql+psycopg://user:secret@host/runs")
    assert "secret" not in ended.out


def test_a_sound_store_passes_its_check(grid: Made, run: Nccli) -> None:
    records = run(f"store check --store {grid.path}").records
    assert all(record["ok"] for record in records)
    found = {record["check"]: record["value"] for record in records}
    assert (found["runs"], found["integrity"], found["orphan rows"]) == (6, "ok", 0)


def test_orphan_rows_fail_the_check_which_still_prints_what_it_found(own_grid: Path, run: Nccli) -> None:
    change(own_grid, "DELETE FROM run WHERE kind = 'dnc'")
    ended = run("store check", code=5)
    assert {record["check"]: record["ok"] for record in ended.records}["orphan rows"] is False
    assert ended.err.startswith("nccli: the store is not sound: orphan rows: ")
