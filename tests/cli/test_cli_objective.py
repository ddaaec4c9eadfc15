"""Training under the cross-entropy on the command line, beside the squared error and never mixed with it."""

import json
import shlex

import numpy as np
import pytest

from nccli.store import Stage, Store, select_matrices
from tests.cli.command import Nccli

TRAIN = "train-dufm --K 4 --L 3 --n 2 --width 8 --steps 400 --wd 1e-3"


def test_runs_of_two_objectives_are_held_against_solutions_of_their_own(run: Nccli) -> None:
    plain, other = run(f"{TRAIN} --loss mse,ce --format jsonl").records
    assert plain["id"] == run(TRAIN).ids[0], "the squared error goes without saying"
    theory = {
        each["objective"]: each for each in run("compare --theory --loss mse,ce --K 4 --L 3 --n 2 --wd 1e-3").records
    }
    for record, name in ((plain, "mse"), (other, "ce")):
        assert record["config"].get("objective", "mse") == name
        assert record["loss_dnc"] == pytest.approx(theory[name]["loss_dnc"], rel=1e-12)
        assert record["loss_srg"] == pytest.approx(theory[name]["loss_srg"], rel=1e-12)
    last = next(each for each in other["layers"] if (each["layer"], each["stage"]) == (3, "post"))
    assert 0 <= last["output_etf_distance"] < 2**0.5


def test_logits_are_stored_and_are_those_of_the_weights(run: Nccli) -> None:
    (key,) = run(f"{TRAIN} --loss ce").ids
    with Store.open(str(run.folder / "nccli.db")).read() as connection:
        output, means, weights = (
            select_matrices(connection, key, name)[Stage(3, "post")] for name in ("output", "class_means", "weights")
        )
    np.testing.assert_allclose(output, weights @ means, rtol=1e-4, atol=1e-5)


def test_the_command_that_makes_a_run_names_its_objective(run: Nccli) -> None:
    record = json.loads(run(f"{TRAIN} --loss ce --dry-run --format jsonl").out)
    again = json.loads(run(f"{' '.join(shlex.split(record['command'])[1:])} --dry-run --format jsonl").out)
    assert again["id"] == record["id"]


def test_losses_of_two_objectives_are_never_averaged(run: Nccli) -> None:
    run(f"{TRAIN} --loss mse,ce --seed 0,1")
    grouped = run("compare --group-by K")
    assert {(each["K"], each["objective"], each["runs"]) for each in grouped.records} == {(4, "ce", 2), (4, "mse", 2)}
    assert "one objective each" in grouped.err
    paired = run("compare --paired seed --group-by objective")
    assert [each["quantity"] for each in paired.records] == ["ratio_dnc", "ratio_srg", "mean_rank"]
    assert [each["runs"] for each in run("compare --group-by K --where objective=ce").records] == [2]


def test_ends_under_the_cross_entropy_are_refined_and_certified(run: Nccli) -> None:
    line = "train-dufm --K 4 --L 2 --n 1 --width 6 --wd 2e-3 --steps 20000 --activation linear --loss ce --refine"
    (record,) = run(f"{line} --format jsonl").records
    assert record["finish"] == "certified"
    (pairs,) = run(
        "construct --kind pairs --K 4 --L 2 --n 1 --wd 2e-3 --activation linear --loss ce --format jsonl"
    ).records
    (etf,) = run(
        "construct --kind dnc --K 4 --L 2 --n 1 --wd 2e-3 --activation linear --loss ce --format jsonl"
    ).records
    assert min(abs(record["loss"] - each["loss"]) for each in (pairs, etf)) < 1e-9


def test_with_fewer_neurons_than_classes_nothing_is_said_of_dnc(run: Nccli) -> None:
    narrow, wide = run("train-dufm --K 5 --L 3 --n 1 --width 4,5 --steps 500 --wd 1e-3 --format jsonl").records
    assert (narrow["loss_dnc"], narrow["ratio_dnc"], narrow["loss_srg"]) == (None, None, None)
    assert wide["loss_dnc"] > 0
    (etf,) = run(
        "train-dufm --K 5 --L 3 --n 1 --width 4 --steps 500 --loss ce --activation linear --format jsonl"
    ).records
    assert etf["loss_dnc"] > 0, "a simplex ETF of five classes has four dimensions"


def test_an_objective_that_there_is_not_is_refused(run: Nccli) -> None:
    for command in ("train-dufm", "train-e2e", "construct --kind dnc", "compare --theory"):
        failed = run(f"{command} --loss hinge", code=2)
        assert "--loss: 'hinge' is none of mse, ce" in failed.err
