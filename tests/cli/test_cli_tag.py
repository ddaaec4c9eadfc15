"""Names for runs: given when they are made or later, and used to find them."""

from pathlib import Path

import numpy as np
import pytest

from nccli.store import FinishedRun, Store, save_run, tag_runs
from tests.cli.command import Nccli
from tests.cli.conftest import TINY, Made
from tests.cli.sql import change, query
from tests.store.example_runs import example_run


def tags(folder: Path) -> dict[str, str | None]:
    """By run."""
    return {row["id"]: row["tag"] for row in query(folder / "nccli.db", "SELECT id, tag FROM run")}


def test_every_command_that_makes_runs_names_them(run: Nccli) -> None:
    rng = np.random.default_rng(0)
    np.savez(run.folder / "f.npz", features=rng.normal(size=(20, 3)), labels=np.arange(20) % 4)
    lines = [
        f"train-dufm {TINY} --seed 0,1 --tag mine",
        "construct --kind dnc --K 4 --L 3 --tag mine",
        "measure f.npz --tag mine",
        "train-e2e --backbone mlp --per-class 3 --steps 2 --tag mine",
    ]
    ids = [key for line in lines for key in run(f"{line} --quiet").ids]
    assert len(ids) == 5
    assert tags(run.folder) == dict.fromkeys(ids, "mine")
    assert sorted(run("runs list --where tag=mine --format ids").ids) == sorted(ids)
    assert run("store check").records[-1]["ok"]


def test_runs_that_are_stored_already_get_the_name_too(own_grid: Path, grid: Made, run: Nccli) -> None:
    line = f"train-dufm {TINY} --quiet"
    (key,) = run(line).ids
    before = query(own_grid, "SELECT created FROM run WHERE id = ?", key)
    assert run(f"{line} --tag first").ids == [key]
    assert tags(run.folder)[key] == "first"
    assert query(own_grid, "SELECT created FROM run WHERE id = ?", key) == before
    run(f"{line} --force")
    assert tags(run.folder)[key] == "first"
    run(f"{line} --force --tag second")
    assert tags(run.folder)[key] == "second"


def test_names_are_given_taken_and_grouped_by(own_grid: Path, grid: Made, run: Nccli) -> None:
    old, new = grid.ids[:2], grid.ids[2:4]
    assert run("runs tag old -", stdin="\n".join(old)).ids == old
    assert run(f"runs tag new {' '.join(new)} --quiet").ids == new
    groups = run("compare --group-by tag --where 'tag is not null'").records
    assert [(group["tag"], group["runs"]) for group in groups] == [("new", 2), ("old", 2)]
    assert {record["tag"] for record in run(f"runs show {old[0]}").records} == {"old"}
    again = run(f"runs tag old {old[0]} {new[0]}")
    assert again.ids == [new[0]]
    assert again.err == "note: 1 of 2 runs had the tag 'old' already\n"
    assert set(run("runs tag old --remove").ids) == {*old, new[0]}
    assert set(filter(None, tags(run.folder).values())) == {"new"}
    assert run("store check").records[-1]["ok"]
    assert "no run has the tag 'old'" in run("runs tag old --remove", code=3).err


def test_names_travel_with_exports(own_grid: Path, grid: Made, run: Nccli) -> None:
    run(f"runs tag mine {grid.ids[0]}")
    run("runs export -o all.jsonl")
    run("runs import all.jsonl --store other.db")
    assert run("runs list --where tag=mine --format ids --store other.db").ids == [grid.ids[0]]


@pytest.mark.parametrize("name", ["", " x", "x ", "a\tb", "\x1b[2J", "x" * 101])
def test_names_that_would_not_do_are_refused(own_grid: Path, grid: Made, run: Nccli, name: str) -> None:
    for line in (f"runs tag '{name}' {grid.ids[0]}", f"construct --kind dnc --tag '{name}'"):
        ended = run(line, code=2)
        assert "must be 1 to 100 characters" in ended.err
        assert len(ended.err.splitlines()) == 1
    assert set(tags(run.folder).values()) == {None}


def test_a_name_hides_no_damage(own_grid: Path, grid: Made, run: Nccli) -> None:
    change(own_grid, f"UPDATE run SET loss = 0.5 * loss WHERE id = '{grid.ids[1]}'")
    refused = run(f"runs tag mine {' '.join(grid.ids)}", code=2)
    assert f"run {grid.ids[1]} is damaged and cannot be tagged" in refused.err
    assert set(tags(run.folder).values()) == {None}


def test_a_run_that_is_made_again_keeps_its_name(tmp_path: Path) -> None:
    store = Store.create(str(tmp_path / "nccli.db"))
    made = example_run(0)
    key = save_run(store, made)
    assert tag_runs(store, [key], "mine") == [key]
    save_run(store, made)
    assert tags(tmp_path) == {key: "mine"}
    save_run(store, FinishedRun({**made.row, "tag": "yours"}, made.config, made.layers, made.history))
    assert tags(tmp_path) == {key: "yours"}
