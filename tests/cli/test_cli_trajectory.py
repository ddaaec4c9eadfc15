"""`train-dufm --keep trajectory`: singular values of every layer at every measurement, on demand."""

import csv
import json

import numpy as np
import pytest

from tests.cli.command import Nccli

RUN = "train-dufm --K 4 --L 3 --n 2 --width 6 --steps 200"
STAGES = 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Nccli:
    """A folder whose store has one run with its trajectory and one without."""
    nccli = Nccli(tmp_path_factory.mktemp("trajectory"))
    nccli(f"{RUN} --seed 0 --keep trajectory --quiet")
    nccli(f"{RUN} --seed 1 --quiet")
    return nccli


def test_the_last_singular_values_are_those_of_the_run_and_ranks_are_counted_from_all(made: Nccli) -> None:
    (line,) = made("runs export --where seed=0").records
    (record,) = made("runs list --where seed=0 --format jsonl").records
    for row in line["history"]:
        values = np.array(row["singular_values"])
        assert values.shape == (STAGES, 4)
        assert (np.diff(values) <= 0).all()
        assert (values > np.maximum(0.01 * values[:, :1], 1e-6)).sum(axis=1).tolist() == row["rank"]
        assert all(0 <= share <= 1 for share in row["negative_share"])
    last = [layer["singular_values"] for layer in record["layers"]]
    assert np.allclose(line["history"][-1]["singular_values"], last, rtol=1e-5, atol=1e-6)
    shares = [layer["negative_share"] for layer in record["layers"] if layer["stage"] == "pre"]
    assert line["history"][-1]["negative_share"] == pytest.approx(shares, rel=1e-5)


def test_a_run_without_it_has_singular_values_of_its_latest_points_alone(made: Nccli) -> None:
    (line,) = made("runs export --where seed=1").records
    assert not any(row.get("negative_share") for row in line["history"])
    assert not line["history"][0].get("singular_values")
    assert line["history"][-1]["singular_values"]
    assert "1 of 1 runs were made without their trajectory: --force" in made(f"{RUN} --seed 1 --keep trajectory").err


def test_exports_take_it_there_and_back(made: Nccli) -> None:
    made("runs export -o runs.jsonl --quiet")
    made("runs export -o folder --quiet")
    for source in ("runs.jsonl", "folder"):
        made(f"runs import {source} --store {source}.db --quiet")
        again = made(f"runs export --store {source}.db").out
        assert sorted(again.splitlines()) == sorted((made.folder / "runs.jsonl").read_text().splitlines())
    with (made.folder / "folder/history.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["singular_values"]]
    assert len(json.loads(rows[0]["singular_values"])) == STAGES


def test_a_dry_run_says_what_it_takes(made: Nccli) -> None:
    plain, kept = (made(f"{RUN} --seed 7 --dry-run {more}") for more in ("", "--keep trajectory"))
    points = len(made("runs export --where seed=0").records[0]["history"])
    assert kept.records[0]["kept_bytes"] - plain.records[0]["kept_bytes"] == 4 * points * (STAGES * 4 + 2)
    assert "weights and trajectory of a run take" in kept.err


def test_the_result_is_the_same_with_it_and_without(made: Nccli) -> None:
    (before,) = made("runs list --where seed=1 --format jsonl").records
    made(f"{RUN} --seed 1 --keep trajectory --force --store other.db --quiet")
    (after,) = made("runs list --store other.db --format jsonl").records
    assert (after["id"], after["loss"]) == (before["id"], before["loss"])
    merged = made("store merge other.db --into nccli.db --format jsonl").records[0]
    assert (merged["same"], merged["conflicts"]) == (1, [])
