"""Classes of unequal sizes on the command line: grids, columns, comparisons, and what is refused."""

import numpy as np
import pytest

from tests.cli.command import Nccli
from tests.cli.sql import query

SMALL = "--K 4 --L 3 --width 8 --wd 1e-2 --lr 0.2 --steps 400 --dtype float64 --quiet"


def test_counts_repeated_and_ratios_in_a_list_are_a_grid_and_equal_counts_are_n(run: Nccli) -> None:
    counts = run(f"train-dufm {SMALL} --class-counts 5,5,2,1 --class-counts 3,3,3,3 --format jsonl").records
    steps = run(f"train-dufm {SMALL} --n 3 --imbalance 1,3 --format jsonl").records
    assert [(r["class_counts"], r["n"], r["imbalance"]) for r in counts] == [("5,5,2,1", 5, 5.0), (None, 3, 1.0)]
    assert [(r["class_counts"], r["n"], r["imbalance"]) for r in steps] == [(None, 3, 1.0), ("3,3,1,1", 3, 3.0)]
    assert counts[1]["id"] == steps[0]["id"]
    found = query(run.folder / "nccli.db", "SELECT class_counts FROM run ORDER BY imbalance")
    assert [row["class_counts"] for row in found] == [None, "3,3,1,1", "5,5,2,1"]
    assert len(run("runs list --where imbalance>=3 --format ids").ids) == 2
    assert all('"ok": true' in line for line in run("store check").out.splitlines())


def test_a_line_of_dry_run_makes_the_same_run(run: Nccli) -> None:
    for command in (f"train-dufm {SMALL} --class-counts 5,5,2,1", "construct --kind dnc --K 4 --class-counts 5,1,2,5"):
        (record,) = run(f"{command} --dry-run --quiet --format jsonl").records
        alone = record["command"].removeprefix("nccli ")
        assert run(f"{alone} --dry-run --quiet --format ids").ids == [record["id"]]


def test_a_run_begins_at_a_construction_of_its_own_classes_and_goes_on_from_its_own_end(run: Nccli) -> None:
    (first,) = run(f"train-dufm {SMALL} --class-counts 5,5,2,1 --from dnc --activation linear --format jsonl").records
    assert first["ratio_dnc"] == pytest.approx(1.0, rel=1e-6)
    (again,) = run(f"train-dufm --from {first['id']} --steps 300 --format jsonl --quiet").records
    assert again["class_counts"] == "5,5,2,1"


def test_runs_are_compared_with_points_of_the_same_classes_alone(run: Nccli) -> None:
    run("construct --kind srg --K 6 --imbalance 1,4 --n 8 --wd 1e-3 --quiet")
    records = run("compare --where kind=srg").records
    assert {record["ratio_srg"] for record in records} == {1.0}
    assert all(record["best_id"] == record["id"] for record in records)
    assert len({record["loss_dnc"] for record in records}) == 2


def test_a_construction_is_exported_with_every_sample(run: Nccli) -> None:
    run("construct --kind dnc --K 4 --class-counts 5,1,2,5 --wd 1e-3 --export point.npz --quiet")
    with np.load(run.folder / "point.npz") as point:
        assert np.bincount(point["labels"]).tolist() == [5, 1, 2, 5]
        assert point["H_1"].shape[1] == 13
        means = np.stack([point["H_1"][:, point["labels"] == k].mean(axis=1) for k in range(4)], axis=1)
        np.testing.assert_allclose(means, point["M_1"])


REFUSED = {
    "train-dufm --class-counts 5,5,1": "3 counts for K = 10",
    "train-dufm --K 3 --class-counts 5,0,1": "'0'",
    "train-dufm --K 3 --class-counts 5,1.5,1": "'1.5'",
    "train-dufm --K 3 --class-counts 5,5,1 --n 5": "leave out --n",
    "train-dufm --K 3 --class-counts 5,5,1 --imbalance 2": "leave out --imbalance",
    "train-dufm --imbalance 0.5": "at least 1",
    "train-dufm --imbalance 2 --refine": "classes of one size",
    "train-dufm --imbalance 2 --from best": "dnc and srg alone",
    "construct --kind graph --graph square --imbalance 2": "dnc and srg alone",
    "construct --kind dnc --class-counts 5,5,1": "3 counts for K = 10",
    "train-e2e --dataset digits --class-counts 5,5,1 --per-class 5": "leave out --per-class",
    "train-e2e --dataset digits --class-counts 5,5,x": "'x'",
}


def test_what_is_no_sizes_of_classes_is_refused_in_a_line(run: Nccli) -> None:
    for command, ended in run.all(list(REFUSED), code=2).items():
        assert REFUSED[command] in ended.err, command
        assert len(ended.err.splitlines()) == 1, ended.err
