"""Training: what is stored is returned, what is not is made; grids, weight decays, plans."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import TINY, Made
from tests.cli.sql import query

GRID = f"train-dufm {TINY} --wd 2e-3,4e-3 --seed 0,1"


def plan(run: Nccli, options: str) -> list[dict[str, Any]]:
    return run(f"train-dufm {options} --dry-run --quiet").records


def test_a_stored_run_is_returned_at_once_and_the_store_stays_as_it_is(own_grid: Path, grid: Made, run: Nccli) -> None:
    before = own_grid.read_bytes()
    again = run(GRID)
    assert again.ids == grid.ids
    assert "note: 4 of 4 runs are in the store already (--force makes them again)" in again.err.splitlines()
    assert own_grid.read_bytes() == before


def test_force_makes_a_stored_run_again_and_gets_the_same_result(own_grid: Path, grid: Made, run: Nccli) -> None:
    rows = "SELECT id, loss, created FROM run WHERE kind = 'dufm' ORDER BY id"
    before = query(own_grid, rows)
    assert sorted(run(f"{GRID} --force --quiet").ids) == sorted(grid.ids)
    after = query(own_grid, rows)
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert [row["loss"] for row in after] == [row["loss"] for row in before]
    assert all(new["created"] > old["created"] for new, old in zip(after, before, strict=True))


def test_a_dry_run_prints_the_plan_and_writes_nothing(run: Nccli) -> None:
    ended = run(f"{GRID} --dry-run")
    assert [(record["wd_h1"], record["seed"]) for record in ended.records] == [
        (2e-3, 0),
        (2e-3, 1),
        (4e-3, 0),
        (4e-3, 1),
    ]
    assert {record["stored"] for record in ended.records} == {None}
    assert list(run.folder.iterdir()) == []


def test_a_dry_run_knows_what_is_stored_and_has_the_ids_of_the_real_run(grid: Made, run: Nccli) -> None:
    before = grid.path.read_bytes()
    records = plan(run, f"{TINY} --wd 2e-3,4e-3,8e-3 --seed 0,1 --store {grid.path}")
    assert [record["id"] for record in records[:4]] == grid.ids
    assert [record["stored"] for record in records] == ["stopped"] * 4 + [None] * 2
    assert grid.path.read_bytes() == before


def test_several_lists_make_every_combination(run: Nccli) -> None:
    records = plan(run, "--K 4..6 --L 3,4 --wd 1e-3..1e-2:3 --seed 0..4")
    assert len({record["id"] for record in records}) == 3 * 2 * 3 * 5
    assert sorted({record["K"] for record in records}) == [4, 5, 6]
    decays = sorted({record["wd_h1"] for record in records})
    assert decays[0] == 1e-3
    assert decays[1] == pytest.approx(10**-2.5)
    assert decays[2] == 1e-2


def test_wd_h1_and_wd_layers_override_wd(run: Nccli) -> None:
    options = ("--wd-h1 5e-6", "--wd-layers 1e-3,2e-3,1e-3")
    planned = run.all(f"train-dufm --L 3 --wd 1e-3 {each} --dry-run --quiet" for each in options).values()
    features, layers = (ended.records[0] for ended in planned)
    assert (features["wd_h1"], features["wd_layers"]) == (5e-6, [1e-3] * 3)
    assert (layers["wd_h1"], layers["wd_layers"]) == (1e-3, [1e-3, 2e-3, 1e-3])


def test_a_budget_after_which_no_run_has_settled_is_noted_with_the_steps_that_may_do(run: Nccli) -> None:
    """That is 40 time constants."""
    short, enough = run.all(
        f"train-dufm --wd 1e-3 --lr 0.5 --dry-run --steps {steps}" for steps in (79_999, 80_000)
    ).values()
    assert short.err.startswith("note: --steps 79999 is ")
    assert "8e+04 steps" in short.err
    assert "time constants" not in enough.err


def test_a_dry_run_says_what_each_batch_costs(run: Nccli) -> None:
    ended = run("train-dufm --K 4,5 --L 3 --n 2 --width 6 --seed 0..2 --steps 1000 --tol 0 --dry-run")
    notes = [line for line in ended.err.splitlines() if line.startswith("note: batch ")]
    assert len(notes) == 2
    assert "batch 2 of 2: 3 runs, K 5, L 3, n 2, width 6, 1000 steps: " in notes[1]
    assert all(word in notes[1] for word in ("flops", "at most", "on cpu", "MiB"))
    for record in ended.records:
        N, d, K = 2 * record["K"], 6, record["K"]
        assert record["flops"] == 1000 * 6 * N * d * (2 * d + K)
        assert record["batch"] == record["K"] - 3
        assert record["batch_seconds"] > 0
        assert record["batch_bytes"] > 3 * 8 * N * d


def test_a_run_that_cannot_fit_is_refused_with_what_would(run: Nccli) -> None:
    for command in ("--dry-run", ""):
        ended = run(f"train-dufm --K 10 --n 5 --width 1000000 --seed 0..9 {command} --quiet", code=2)
        assert "GiB" in ended.err
        assert "--width" in ended.err
        assert "would fit" in ended.err
        assert ended.out == ""


@pytest.mark.parametrize("optimizer", ["heavy-ball", "nesterov", "adam"])
def test_other_ways_down_are_other_runs_with_learning_rates_of_their_own(run: Nccli, optimizer: str) -> None:
    planned, stored = run(f"train-dufm {TINY} --dry-run -q"), run(f"train-dufm {TINY} --optimizer {optimizer} -q")
    assert planned.records[0]["id"] != stored.ids[0]
    (record,) = run(f"runs show {stored.ids[0]}").records
    assert record["optimizer"] == optimizer
    assert record["config"]["momentum"] == 0.9
    assert record["lr"] == (1e-3 if optimizer == "adam" else 0.05)


def test_the_default_way_down_has_the_run_id_it_always_had(run: Nccli) -> None:
    """Of the first release's schema: stored runs would be made again otherwise."""
    (planned,) = plan(run, "--K 10 --L 4 --n 5 --wd 1e-3")
    assert planned["id"] == "a434b8f2715a"


def test_a_refined_run_is_stored_with_its_certificate(run: Nccli) -> None:
    line = "train-dufm --K 4 --L 3 --n 1 --width 6 --wd 5e-3 --lr 0.3 --steps 5000 --quiet"
    plain, refined = run(f"{line} --format jsonl").records[0], run(f"{line} --refine --format jsonl").records[0]
    assert refined["id"] != plain["id"]
    assert plain["residual"] is None
    assert max(refined["residual"], refined["radius"]) < 1e-10
    assert (refined["status"], refined["finish"], refined["parent"]) == ("converged", "certified", plain["id"])
    assert refined["loss"] <= plain["loss"]


def test_a_collapsed_run_tells_since_when_and_no_reduction_keeps_its_id(run: Nccli) -> None:
    line = "train-dufm --K 3 --L 3 --n 3 --width 5 --wd 2e-2 --lr 0.3 --tol 0 --steps 6000 --activation linear --quiet"
    reduced = run(f"{line} --format jsonl").records[0]
    full = run(f"{line} --format jsonl --no-reduction --force").records[0]
    assert 0 < reduced["collapsed_at"] < 6000
    assert full["collapsed_at"] is None
    assert full["id"] == reduced["id"]
    assert full["loss"] == pytest.approx(reduced["loss"], rel=1e-6)


def test_every_option_of_a_configuration_sweeps(run: Nccli) -> None:
    lists = (
        "--wd-h1 1e-3,2e-3 --init-scale 1,2 --optimizer gd,adam --activation relu,linear --steps 50,60 --init normal,he"
    )
    assert len(plan(run, f"--K 4 --L 3 {lists}")) == 64
    repeated = "--schedule cosine --schedule step:0.1@0.5,0.75 --wd-layers 1e-3,1e-3,2e-3 --wd-layers 1e-3,1e-3,1e-3"
    planned = plan(run, f"--K 4 --L 3 {repeated}")
    found = {(each["schedule"], each["wd_layers"][2]) for each in planned}
    assert found == {(s, wd) for s in ("cosine", "step:0.1@0.5,0.75") for wd in (1e-3, 2e-3)}
    wrong = run("train-dufm --init xavier,he", code=2).err
    assert wrong == "nccli: --init: 'xavier' is none of normal, uniform, orthogonal, he\n"
