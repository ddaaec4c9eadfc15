"""Closed forms under cross-entropy on the command line: what is stored, compared and drawn."""

import csv
from math import log

import pytest

from tests.cli.command import Nccli


def test_a_construction_is_stored_under_its_objective(run: Nccli) -> None:
    line = "construct --kind srg --loss mse,ce --K 10 --n 1 --wd 1e-3"
    plain, other = run(f"{line} --format jsonl").records
    assert (plain["config"].get("objective"), other["config"]["objective"]) == (None, "ce")
    assert f"{other['loss']:.7f}" == "0.0471375"
    assert f"{other['loss_dnc']:.7f}" == "0.0592447"
    assert plain["loss"] < other["loss"]
    assert [each["id"] for each in run(f"{line} --format jsonl").records] == [plain["id"], other["id"]]
    dry = run("construct --kind srg --loss ce --K 10 --n 1 --wd 1e-3 --dry-run --format jsonl").records
    assert dry[0]["id"] == other["id"]
    assert " --loss ce" in dry[0]["command"]


def test_the_best_stored_point_is_of_the_same_objective_and_activation(run: Nccli) -> None:
    run("construct --kind dnc --loss mse,ce --n 1 --wd 1e-3")
    run("construct --kind graph --graph complete-5 --variant positive --loss ce --n 1 --wd 1e-3")
    run("construct --kind pairs --loss ce --activation linear --n 1 --wd 1e-3")
    records = run("compare --where 'K=10'").records
    best = {(each["kind"], each["objective"]): each for each in records}
    assert best["dnc", "mse"]["best_loss"] == best["dnc", "mse"]["loss"]
    assert best["dnc", "ce"]["best_loss"] == best["graph", "ce"]["loss"]
    assert best["graph", "ce"]["ratio_best_known"] == 1
    assert best["pairs", "ce"]["best_loss"] == best["pairs", "ce"]["loss"]
    assert best["pairs", "ce"]["ratio_best_known"] > 1, "T(5) wins over pairs, and is known though it is not stored"


def test_theory_has_both_objectives_beside_each_other(run: Nccli) -> None:
    plain, other = run("compare --theory --loss mse,ce --K 15 --wd 1e-3").records
    assert [plain["objective"], other["objective"]] == ["mse", "ce"]
    assert other["ratio"] < plain["ratio"] < 1
    assert other["loss_bipartition"] <= other["loss_srg"] * (1 + 1e-12)
    assert other["loss_best_known"] < other["loss_bipartition"]
    assert (other["srg_wins_from"], other["bipartition_wins_from"], other["best_wins_from"]) == (6, 6, 6)
    assert (plain["asymptotic_exponent"], other["asymptotic_exponent"]) == pytest.approx((-0.1, -0.2))


def test_the_figure_draws_ratios_of_the_objective_asked_for(run: Nccli) -> None:
    run("plot loss-ratio --loss ce --K 6..10 --L 4 -o ratio.svg --data ratio.csv")
    with (run.folder / "ratio.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    theory = {int(row["K"]): row for row in rows if row["what"] == "theory"}
    assert list(theory) == [6, 7, 8, 9, 10]
    told = run("compare --theory --loss ce --K 10 --L 4 --wd 5e-4").records[0]
    assert float(theory[10]["loss"]) == told["loss_srg"]
    stars = {int(row["K"]): row["construction"] for row in rows if row["what"] == "best"}
    assert stars[10] == "graph(5 vertices, 10 edges)"
    assert "bipartition" in {row["what"] for row in rows}


def test_what_is_too_much_weight_decay_says_so(run: Nccli) -> None:
    ended = run("construct --kind dnc --loss ce --n 1 --wd 0.5 --format jsonl")
    assert ended.records[0]["loss"] == pytest.approx(log(10))
    assert "its optimum is the trivial point" in ended.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("construct --kind dnc --loss hinge", "--loss: 'hinge' is none of mse, ce"),
        ("construct --kind dnc --activation relu-eps", "--activation: 'relu-eps' is none of relu, linear"),
        ("construct --kind pairs --loss ce", "--activation linear"),
        ("construct --kind pairs --activation linear --K 3", "K = 3: pairs of classes need K >= 4"),
        ("compare --loss ce", "--loss belongs to --theory"),
        ("plot training --loss ce", "--loss changes nothing in training"),
        ("construct --kind graph --graph path-100 --loss ce", "so little symmetry"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(run: Nccli, line: str, words: str) -> None:
    ended = run(line, code=2)
    assert words in ended.err
    assert ended.err.count("\n") <= 2
