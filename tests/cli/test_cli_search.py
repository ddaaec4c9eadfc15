"""`nccli search`, and what else tells of the best solution known."""

import shlex

import numpy as np
import pytest

from nccli.store import Store, select_matrices
from nccli.theory import Problem, best_known_table, explicit_loss, solve_dnc
from tests.cli.command import Nccli

SIX = "{0},{1},{2},{0,1},{0,2},{0,1,2}"
SHORT = "search --K 2,3 --L 3,4 --wd 2e-3 --budget 0.1"


def test_one_record_a_problem_with_the_loss_of_its_explicit_matrices(run: Nccli) -> None:
    ended = run(SHORT)
    assert [(each["K"], each["L"]) for each in ended.records] == [(2, 3), (2, 4), (3, 3), (3, 4)]
    store = Store.open(str(run.folder / "nccli.db"))
    for record in ended.records:
        with store.read() as connection:
            weights = select_matrices(connection, record["id"], "weights")
            means = select_matrices(connection, record["id"], "class_means")[1, "post"]
        problem = Problem.uniform(record["K"], record["L"], 2e-3)
        assert sum(explicit_loss(problem, list(weights.values()), means)) == pytest.approx(record["loss"], rel=1e-12)
        assert record["loss"] <= solve_dnc(problem).loss * (1 + 1e-12)
        assert record["ratio_dnc"] == pytest.approx(record["loss"] / record["loss_dnc"])
        assert record["found_by"]
        assert record["certified"] is (record["finish"] == "certified")
    again = run(f"{SHORT} --format ids")
    assert again.ids == [each["id"] for each in ended.records]
    assert "4 of 4 runs are in the store already" in again.err


def test_its_dry_run_tells_the_command_of_each_problem(run: Nccli) -> None:
    planned = run(f"{SHORT} --fresh --dry-run").records
    assert not (run.folder / "nccli.db").exists()
    command = planned[1]["command"].removeprefix("nccli ")
    (one,) = run(f"{command} --dry-run").records
    assert one["id"] == planned[1]["id"]
    assert "--fresh" in shlex.split(command)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--K 65", "a search goes up to K = 64"),
        ("--budget 0", "greater than or equal to 0.1"),
        ("--descents -1", "descents = -1: must be at least 0"),
        ("--L 1", "L = 1"),
        ("--K a", "--K: 'a'"),
        ("--jobs 0", "--jobs"),
    ],
)
def test_what_cannot_be_searched_is_refused(run: Nccli, options: str, words: str) -> None:
    assert words in run(f"search {options}", code=2).err


def test_a_search_begins_with_what_is_stored_unless_it_is_to_be_fresh(run: Nccli) -> None:
    (made,) = run("construct --kind hypergraph --graph {0},{1},{0,1} --n 1 --L 5").ids
    (known,) = run("search --K 3 --L 5 --budget 0.1").records
    (fresh,) = run("search --K 3 --L 5 --budget 0.1 --fresh").records
    assert known["found_by"] == "hypergraph {0},{1},{0,1}"
    assert known["parent"] == made
    assert known["loss"] <= fresh["loss"] * (1 + 1e-12)
    (best,) = run("construct --kind best --K 3 --L 5 --n 1 --quiet --format jsonl").records
    assert best["loss"] == pytest.approx(known["loss"], rel=1e-12)
    assert run(f"compare {fresh['id']}").records[0]["best_loss"] == pytest.approx(known["loss"], rel=1e-12)
    (started,) = run(f"train-dufm --from {known['id']} --steps 10 --noise 0.01 --seed 1 --format jsonl").records
    assert started["width"] == known["width"]


def test_best_is_the_best_known_in_closed_form_or_by_the_recipe_of_a_search(
    run: Nccli, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"wd": "0.004", "found_by": f"hypergraph {SIX}"}]
    monkeypatch.setattr(best_known_table, "_rows", lambda problem: rows if (problem.K, problem.L) == (6, 4) else [])
    line = "construct --kind best --n 1 --wd 1e-3"
    assert [each["kind"] for each in run(f"{line} --K 10,15 --L 4 --format jsonl").records] == ["srg", "bipartition"]
    ended = run(f"{line} --K 6 --width 16 --format jsonl")
    (record,) = ended.records
    assert (record["kind"], record["finish"], record["width"]) == ("search", "certified", 16)
    assert "the best known is run" in ended.err
    assert record["found_by"] == f"hypergraph {SIX}"
    assert record["hypergraph"].count("{") == 6
    assert run(f"{line} --K 6 --width 16").ids == [record["id"]]
    run(f"{line} --K 6 --width 16 --export best.npz")
    with np.load(run.folder / "best.npz") as file:
        assert file["loss"] == record["loss"]
        assert file["W_1"].shape == (16, 16)
    assert "refined from there" in run(f"{line} --K 6 --dry-run").err
    assert "width 2 is too small" in run(f"{line} --K 6 --width 2", code=2).err
