"""Outcomes on the command line: lists, comparisons, pairs, figures, and what is refused."""

import numpy as np
import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Made


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Four runs that keep their classes at one weight decay, and four that go to zero at another."""
    nccli = Nccli(tmp_path_factory.mktemp("lost"))
    ended = nccli("train-dufm --K 4 --L 3 --n 2 --width 8 --steps 4000 --wd 2e-3,0.1 --seed 0..3")
    return Made(nccli.folder / "nccli.db", ended)


def test_training_says_how_many_runs_did_not_learn_their_classes(lost: Made) -> None:
    assert "4 of 8 runs did not learn their classes: 4 zero" in lost.ended.err


def test_lists_and_records_tell_the_outcome(lost: Made, run: Nccli) -> None:
    records = run(f"runs list --where wd=0.1 --store {lost.path}").records
    assert {(record["outcome"], record["classes_kept"], record["srg_r"]) for record in records} == {("zero", 0, None)}
    table = run(f"runs list --format table --store {lost.path}").out.splitlines()
    assert "outcome" in table[0].split()
    assert sum(" zero" in line for line in table) == 4
    assert len(run(f"runs list --where outcome=ZERO --format ids --store {lost.path}").ids) == 4


def test_outcomes_are_counted_by_group(lost: Made, run: Nccli) -> None:
    low, high = run(f"compare --outcomes --group-by wd --store {lost.path}").records
    assert (low["runs"], high["runs"], high["outcomes"]) == (4, 4, {"zero": 4})
    assert sum(low["outcomes"].values()) == 4
    assert "zero" not in low["outcomes"]
    (whole,) = run(f"compare --outcomes --store {lost.path}").records
    assert whole["outcomes"]["zero"] == 4
    header = run(f"compare --outcomes --group-by wd --format table --store {lost.path}").out.splitlines()[0]
    assert [name for name in header.split() if name != "unsettled"][:3] == ["λ", "runs", "zero"]


def test_averages_leave_them_out_and_all_puts_them_back(lost: Made, run: Nccli) -> None:
    ended = run(f"compare --group-by K --store {lost.path} --where K=4")
    (group,) = ended.records
    assert (group["runs"], group["left_out"], group["loss_count"]) == (8, 4, 4)
    assert "note: 4 runs left out of averages: 4 zero (--all puts them back)" in ended.err
    (whole,) = run(f"compare --group-by K --all --store {lost.path}").records
    assert (whole["left_out"], whole["loss_count"]) == (0, 8)
    losses = [record["loss"] for record in run(f"compare --store {lost.path} --where wd<0.01").records]
    assert group["loss_mean"] == pytest.approx(np.mean(losses), rel=1e-12)


def test_pairs_are_of_equal_seeds(lost: Made, run: Nccli) -> None:
    records = run(f"compare --group-by wd --paired seed --all --store {lost.path}").records
    assert [record["quantity"] for record in records] == ["loss", "ratio_dnc", "ratio_srg", "mean_rank"]
    rank = records[3]
    assert (rank["pairs"], rank["first"], rank["second"], rank["second_mean"]) == (4, {"wd": 0.002}, {"wd": 0.1}, 0.0)
    assert rank["low"] <= rank["difference"] == -rank["first_mean"] <= rank["high"]
    table = run(f"compare --group-by wd --paired seed --all --format table --store {lost.path}").out
    assert "95 % interval" in table.splitlines()[0]
    assert "λ = 0.002" in table.splitlines()[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--paired seed", "name what makes them, such as --group-by wd"),
        ("--paired sed --group-by wd", "no column 'sed'"),
        ("--paired wd --group-by wd", "pair by another"),
        ("--paired seed --outcomes --group-by wd", "ask for one of them"),
        ("--paired seed --group-by K", "these runs make 1 (K = 4)"),
        ("--paired seed --group-by wd", "a run of each of the 4 pairs is left out; see --all"),
        ("--outcomes --all", "--all belongs to averages"),
        ("--all", "--all belongs to averages"),
        ("--theory --outcomes", "--theory compares closed forms"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(lost: Made, run: Nccli, options: str, said: str) -> None:
    where = "--where seed=0" if options == "--paired seed --group-by K" else ""
    narrowed = '--where "seed=0 and wd=0.1"' if where else ""
    ended = run(f"compare {options} {narrowed} --store {lost.path}", code=2)
    assert said in ended.err
    assert len([line for line in ended.err.splitlines() if not line.startswith("note")]) <= 2


def test_comparisons_and_measures_tell_structures_with_their_distance(run: Nccli) -> None:
    run("construct --kind srg --K 8 --variant truncated --n 1 --quiet")
    (record,) = run("compare --where K=8").records
    assert (record["outcome"], record["srg_r"], record["structure"]) == ("srg", 5, "srg t(5) minus 2")
    assert max(record["structure_distances"]) < 1e-6
    assert "srg r=5" in run("compare --where K=8 --format table").out
    measured = run("measure --where K=8 --format jsonl").records
    assert {layer["structure"] for layer in measured} == {"srg t(5) minus 2"}
    assert max(layer["structure_distance"] for layer in measured) < 1e-6
    header = run("measure --where K=8 --format table").out.splitlines()[0]
    assert header.endswith("distance  structure") or header.endswith("distance structure")
    for spelling in ("SRG T(5) minus 2", "srg t(5) minus 2"):
        assert len(run(f"""runs list --where "structure='{spelling}'" --format ids""").ids) == 1


def test_figures_take_all_or_say_that_it_changes_nothing(lost: Made, run: Nccli) -> None:
    ended = run(f"plot spectra --where n=2 -o s.svg --store {lost.path}")
    assert "4 runs left out of means: 4 zero (--all puts them back)" in ended.err
    assert "left out of means" not in run(f"plot spectra --where n=2 --all -o s.svg --store {lost.path}").err
    assert "--all changes nothing in gram" in run(f"plot gram --all -o g.svg --store {lost.path}", code=2).err
