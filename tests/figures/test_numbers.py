"""Figures draw the numbers of the store, and say which runs they come from."""

from statistics import fmean, stdev

import numpy as np
import pytest
from sqlalchemy import Connection

from nccli.errors import InputError, NothingFoundError
from nccli.figures import STORE_FIGURES, collect_loss_ratio
from nccli.metrics import RANK_RTOL
from nccli.store import Stage, comparison_records, select_history, select_ranks, select_runs, select_spectra
from nccli.store._query import Row
from nccli.theory import Problem

RANK, SPECTRA, TRAINING = (STORE_FIGURES[name] for name in ("rank-vs-wd", "spectra", "training"))


def test_a_point_of_rank_vs_wd_is_the_mean_over_its_runs(connection: Connection, trained: list[Row]) -> None:
    drawn = RANK.collect(connection, trained, RANK_RTOL)
    rank = {record["id"]: record["mean_rank"] for record in comparison_records(connection, trained, RANK_RTOL)}
    means = drawn.of("mean")
    assert sorted((row["series"], row["wd"]) for row in means) == [
        (f"n = {n}", wd) for n in (1, 2) for wd in (5e-3, 2e-2)
    ]
    for row in means:
        assert len(row["run_ids"]) == row["runs"] == 3
        values = [rank[key] for key in row["run_ids"]]
        assert (row["mean_rank"], row["sd"]) == (fmean(values), stdev(values))
    assert sorted(row["run_ids"][0] for row in drawn.of("run")) == sorted(run["id"] for run in trained)


def test_rank_vs_wd_counts_ranks_at_the_tolerance_asked_for(connection: Connection, trained: list[Row]) -> None:
    drawn = RANK.collect(connection, trained, 0.9)
    ranks = select_ranks(connection, [run["id"] for run in trained], 0.9)
    for row in drawn.of("run"):
        by_stage = ranks[row["run_ids"][0]]
        assert row["mean_rank"] == fmean([by_stage[Stage(2, "post")], by_stage[Stage(3, "post")]])


def test_rank_vs_wd_shows_the_ranks_of_dnc_and_srg(connection: Connection, trained: list[Row]) -> None:
    drawn = RANK.collect(connection, trained, RANK_RTOL)
    assert [row["mean_rank"] for row in drawn.of("dnc")] == [6]
    assert [row["mean_rank"] for row in drawn.of("srg")] == [4]


def test_runs_without_ranks_are_left_out_with_a_note(connection: Connection) -> None:
    everything = select_runs(connection)
    diverged = [run for run in everything if run["status"] == "diverged"]
    assert len(diverged) == 1
    for figure in (RANK, SPECTRA):
        drawn = figure.collect(connection, everything, RANK_RTOL)
        assert any(note.startswith("1 runs left out") for note in drawn.notes)
        assert all(diverged[0]["id"] not in row["run_ids"] for row in drawn.rows)
        with pytest.raises(NothingFoundError):
            figure.collect(connection, diverged, RANK_RTOL)


def test_spectra_are_means_of_stored_singular_values(connection: Connection, collapsed: list[Row]) -> None:
    drawn = SPECTRA.collect(connection, collapsed, RANK_RTOL)
    spectra = select_spectra(connection, [run["id"] for run in collapsed])
    assert drawn.values("series") == ["λ = 0.005", "λ = 0.02"]
    assert [(row["layer"], row["stage"]) for row in drawn.rows if row["index"] == 1][:5] == [
        (1, "post"),
        (2, "post"),
        (3, "post"),
        (4, "pre"),
        (4, "post"),
    ]
    for row in drawn.rows:
        values = [spectra[key][Stage(row["layer"], row["stage"])][row["index"] - 1] for key in row["run_ids"]]
        assert (row["value"], row["sd"]) == (fmean(values), stdev(values))


def test_training_curves_are_the_stored_histories(connection: Connection, trained: list[Row]) -> None:
    chosen = [run for run in trained if run["n"] == 2 and run["wd"] == 5e-3]
    drawn = TRAINING.collect(connection, chosen, RANK_RTOL)
    histories = select_history(connection, [run["id"] for run in chosen])
    by_step = {point["step"]: [] for points in histories.values() for point in points}
    for points in histories.values():
        for point in points:
            by_step[point["step"]].append(point)
    for row in drawn.of("loss"):
        losses = [point["loss"] for point in by_step[row["step"]]]
        assert row["mean"] == pytest.approx(fmean(losses), rel=1e-14)
        assert row["high"] - row["low"] == pytest.approx(2 * stdev(losses), rel=1e-9)
    for row in drawn.of("dnc1", layer=4, stage="pre"):
        values = [point["dnc1"][5] for point in by_step[row["step"]]]
        assert row["mean"] == pytest.approx(np.exp(np.mean(np.log(values))), rel=1e-12)
        assert (row["low"], row["high"]) == (min(values), max(values))
    assert [row["mean"] for row in drawn.of("reference")] == [chosen[0]["loss_dnc"], chosen[0]["loss_srg"]]


def test_a_run_that_ended_early_keeps_its_last_values() -> None:
    from nccli.figures._training import _carried_forward

    history = [{"step": 0, "loss": 1.0}, {"step": 5, "loss": 0.5}]
    assert [point["loss"] for point in _carried_forward(history, [0, 3, 5, 9])] == [1.0, 1.0, 0.5, 0.5]


def test_training_of_a_construction_does_not_exist(connection: Connection) -> None:
    built = [run for run in select_runs(connection) if run["kind"] in ("dnc", "srg")]
    with pytest.raises(NothingFoundError, match="not trained"):
        TRAINING.collect(connection, built, RANK_RTOL)


def test_training_refuses_another_rank_tolerance(connection: Connection, trained: list[Row]) -> None:
    with pytest.raises(InputError, match=r"--rank-rtol 0\.1"):
        TRAINING.collect(connection, trained, 0.1)


def test_more_settings_than_panels_are_refused(connection: Connection, trained: list[Row]) -> None:
    many = [{**run, "lr": i, "config": {**run["config"], "lr": i}} for i in range(13) for run in trained[:1]]
    with pytest.raises(InputError, match="13 different settings"):
        SPECTRA.collect(connection, many, RANK_RTOL)


def test_loss_ratio_is_the_table_of_the_theory_sheet() -> None:
    problems = [Problem.uniform(K, L, 5e-4) for K, L in ((6, 3), (10, 3), (6, 4), (190, 4))]
    drawn = collect_loss_ratio(problems, [])
    assert {(row["L"], row["K"]): round(row["ratio"], 6) for row in drawn.of("theory")} == {
        (3, 6): 1.056059,
        (3, 10): 0.923088,
        (4, 6): 0.963289,
        (4, 190): 0.632792,
    }


def test_loss_ratio_shows_runs_of_its_own_problems_only(trained: list[Row]) -> None:
    drawn = collect_loss_ratio([Problem.uniform(6, 4, 5e-3)], trained)
    wanted = {run["id"]: run["loss"] / run["loss_dnc"] for run in trained if run["n"] == 1 and run["wd"] == 5e-3}
    assert {row["run_ids"][0]: row["ratio"] for row in drawn.of("run")} == wanted
    assert any("9 runs left out" in note for note in drawn.notes)


def test_loss_ratio_leaves_out_where_the_trivial_point_wins() -> None:
    drawn = collect_loss_ratio([Problem.uniform(K, 4, wd) for K in (3, 10) for wd in (1e-3,)], [])
    assert [row["K"] for row in drawn.of("theory")] == [10]
    assert collect_loss_ratio([Problem.uniform(10, 4, 0.5)], []).rows == []
