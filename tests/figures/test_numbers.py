"""Figures draw the numbers of the store, and say which runs they come from."""

from dataclasses import replace
from pathlib import Path
from statistics import fmean, median, stdev

import numpy as np
import pytest
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures import Options, wilson_interval
from nccli.figures.ends import ENDS
from nccli.figures.plots.loss_ratio import loss_ratios
from nccli.figures.plots.spectra import _stages, over_largest
from nccli.figures.series import Series, split_series
from nccli.metrics import RANK_RTOL, measure_layers
from nccli.store import (
    Row,
    Selection,
    SettingRuns,
    Stacked,
    Stage,
    Store,
    comparison_records,
    parse_where,
    problem_of,
    save_run,
    select_history,
    select_ranks,
    select_settings,
    select_spectra,
)
from nccli.sweep import measured_run
from nccli.theory import Problem, best_known, solve_dnc, solve_kind
from tests.figures.conftest import ids, rows_of
from tests.figures.drawing import STORE_FIGURES

RANK, SPECTRA, TRAINING = (STORE_FIGURES[name] for name in ("rank-vs-wd", "spectra", "training"))


def test_a_point_of_rank_vs_wd_is_the_mean_over_its_runs(connection: Connection, trained: Selection) -> None:
    drawn = RANK.collect(connection, trained, Options())
    records = comparison_records(connection, rows_of(connection, trained), RANK_RTOL)
    rank = {record["id"]: record["mean_rank"] for record in records}
    means = drawn.of("mean")
    assert sorted((row["series"], row["wd"]) for row in means) == [
        (f"n = {n}", wd) for n in (1, 2) for wd in (5e-3, 2e-2)
    ]
    for row in means:
        assert len(row["run_ids"]) == row["runs"] == 3
        values = [rank[key] for key in row["run_ids"]]
        assert (row["mean_rank"], row["sd"]) == pytest.approx((fmean(values), stdev(values)), rel=1e-14)
    assert sorted(row["run_ids"][0] for row in drawn.of("run")) == sorted(ids(connection, trained))


def test_rank_vs_wd_counts_ranks_at_the_tolerance_asked_for(connection: Connection, trained: Selection) -> None:
    drawn = RANK.collect(connection, trained, Options(rank_rtol=0.9))
    ranks = select_ranks(connection, ids(connection, trained), 0.9)
    for row in drawn.of("run"):
        by_stage = ranks[row["run_ids"][0]]
        assert row["mean_rank"] == fmean([by_stage[Stage(2, "post")], by_stage[Stage(3, "post")]])


def test_rank_vs_wd_shows_the_ranks_of_dnc_and_srg(connection: Connection, trained: Selection) -> None:
    drawn = RANK.collect(connection, trained, Options())
    assert [row["mean_rank"] for row in drawn.of("dnc")] == [6]
    assert [row["mean_rank"] for row in drawn.of("srg")] == [4]


def test_runs_without_ranks_are_left_out_with_a_note(connection: Connection) -> None:
    everything = Selection()
    (diverged,) = ids(connection, Selection(where=parse_where("status=diverged")))
    for figure in (RANK, SPECTRA):
        drawn = figure.collect(connection, everything, Options())
        assert any(note.startswith("1 runs left out") for note in drawn.notes)
        assert all(diverged not in row["run_ids"] for row in drawn.rows)
        with pytest.raises(NothingFoundError):
            figure.collect(connection, Selection((diverged,)), Options())


def test_spectra_are_those_of_every_run_over_the_largest_and_their_medians(
    connection: Connection, collapsed: Selection
) -> None:
    drawn = SPECTRA.collect(connection, collapsed, Options(rank_rtol=0.03))
    spectra = select_spectra(connection, ids(connection, collapsed))
    assert drawn.values("series") == ["λ = 0.005", "λ = 0.02"]
    shown = [(row["layer"], row["stage"]) for row in drawn.of("median", index=1, series="λ = 0.005")]
    assert shown == [(1, "post"), (2, "pre"), (2, "post"), (3, "pre"), (3, "post"), (4, "pre"), (4, "post")]

    def stored(key: str, row: Row) -> float:
        values = spectra[key][Stage(row["layer"], row["stage"])]
        return float(values[row["index"] - 1] / values[0])

    assert len(drawn.of("run")) == 3 * len(drawn.of("median"))
    for row in drawn.of("run"):
        assert row["ratio"] == pytest.approx(stored(row["run_ids"][0], row), rel=1e-14)
    for row in drawn.of("median"):
        assert row["ratio"] == pytest.approx(median(stored(key, row) for key in row["run_ids"]), rel=1e-14)
    assert {row["ratio"] for row in drawn.of("rank tolerance")} == {0.03}


def test_the_spectrum_of_a_matrix_that_is_zero_is_zero() -> None:
    assert over_largest(np.array([[0.0, 0.0], [4.0, 1.0]])).tolist() == [[0.0, 0.0], [1.0, 0.25]]


def test_training_curves_are_the_stored_histories(connection: Connection, trained: Selection) -> None:
    chosen = Selection(where=parse_where("n=2 and wd=5e-3"), trained=True)
    drawn = TRAINING.collect(connection, chosen, Options())
    histories = select_history(connection, ids(connection, chosen))
    first = rows_of(connection, chosen)[0]
    for key, points in histories.items():
        own = [row for row in drawn.of("run") if row["run_ids"] == [key]]
        assert [(row["step"], row["loss"]) for row in own] == [(point["step"], point["loss"]) for point in points]
        assert all(row["mean"] == pytest.approx(row["loss"] / first["loss_dnc"], rel=1e-14) for row in own)
    by_step: dict[int, list[Row]] = {}
    for point in (point for points in histories.values() for point in points):
        by_step.setdefault(point["step"], []).append(point)
    for row in drawn.of("dnc1", layer=4, stage="pre"):
        values = [point["dnc1"][5] for point in by_step[row["step"]]]
        assert row["mean"] == pytest.approx(np.exp(np.mean(np.log(values))), rel=1e-12)
        assert (row["low"], row["high"]) == (min(values), max(values))
    for row in drawn.of("rank", layer=4, stage="pre"):
        ranks = [point["rank"][5] for point in by_step[row["step"]]]
        assert (row["low"], row["mean"], row["high"]) == (min(ranks), pytest.approx(fmean(ranks)), max(ranks))
    best = best_known(problem_of(first)).loss
    lines = {row["symbol"]: row["loss"] for row in drawn.of("reference")}
    assert (lines["DNC"], lines["SRG"], min(lines.values())) == (first["loss_dnc"], first["loss_srg"], best)


def test_training_of_a_construction_does_not_exist(connection: Connection) -> None:
    built = Selection(where=parse_where("kind in (dnc, srg)"))
    with pytest.raises(NothingFoundError, match="not trained"):
        TRAINING.collect(connection, built, Options())


def test_loss_ratio_is_the_table_of_the_theory_sheet() -> None:
    problems = [Problem.uniform(K, L, 5e-4) for K, L in ((6, 3), (10, 3), (6, 4), (190, 4))]
    drawn = loss_ratios(problems, [], {})
    assert {(row["L"], row["K"]): round(row["ratio"], 6) for row in drawn.of("theory")} == {
        (3, 6): 1.056059,
        (3, 10): 0.923088,
        (4, 6): 0.963289,
        (4, 190): 0.632792,
    }


def test_loss_ratio_shows_the_best_known_where_it_is_better_than_dnc_and_srg() -> None:
    problems = [Problem.uniform(K, 4, 5e-4) for K in (10, 15, 16)]
    bipartition = solve_kind(problems[1], "bipartition", {}).loss
    (closed,) = loss_ratios(problems[:2], [], {}).of("best")
    assert (closed["K"], closed["loss"], closed["run_ids"]) == (15, pytest.approx(bipartition, rel=1e-12), [])
    searched = {problems[0]: (0.9, "0" * 12), problems[1]: (0.01, "1" * 12), problems[2]: (0.011, "2" * 12)}
    best = loss_ratios(problems, [], searched).of("best")
    assert [(row["K"], row["loss"], row["run_ids"]) for row in best] == [
        (15, 0.01, ["1" * 12]),
        (16, 0.011, ["2" * 12]),
    ]
    assert best[0]["ratio"] == 0.01 / best[0]["loss_dnc"]


def test_loss_ratio_shows_runs_of_its_own_problems_only(connection: Connection, trained: Selection) -> None:
    rows = rows_of(connection, trained)
    drawn = loss_ratios([Problem.uniform(6, 4, 5e-3)], select_settings(connection, trained, ("loss", *ENDS)), {})
    wanted = {run["id"]: run["loss"] / run["loss_dnc"] for run in rows if run["n"] == 1 and run["wd"] == 5e-3}
    assert {row["run_ids"][0]: row["ratio"] for row in drawn.of("run")} == wanted
    assert any("9 runs left out" in note for note in drawn.notes)


def test_loss_ratio_leaves_out_where_the_trivial_point_wins() -> None:
    drawn = loss_ratios([Problem.uniform(K, 4, wd) for K in (3, 10) for wd in (1e-3,)], [], {})
    assert [row["K"] for row in drawn.of("theory")] == [10]
    assert loss_ratios([Problem.uniform(10, 4, 0.5)], [], {}).rows == []


@pytest.mark.parametrize("axis", ["wd", "lr", "width", "K", "L"])
def test_the_rank_figures_are_one_family_and_draw_the_same_ranks(
    connection: Connection, trained: Selection, axis: str
) -> None:
    drawn = STORE_FIGURES[f"rank-vs-{axis}"].collect(connection, trained, Options())
    records = comparison_records(connection, rows_of(connection, trained), RANK_RTOL)
    ranks = {record["id"]: (record[axis], record["mean_rank"]) for record in records}
    assert {row["run_ids"][0]: (row[axis], row["mean_rank"]) for row in drawn.of("run")} == ranks


def test_weight_decays_that_differ_by_rounding_are_one_point(connection: Connection, trained: Selection) -> None:
    (setting, *_) = select_settings(connection, trained, ("mean_hidden_rank",))
    wd = setting.row["wd"] * (1 + 2e-16)
    config = {**setting.row["config"], "wd_h1": wd, "wd_layers": [wd] * 4}
    twin = replace(setting, row={**setting.row, "wd": wd, "config": config})
    assert len(split_series([setting, twin])) == 1


def test_wilson_intervals_are_those_of_the_literature() -> None:
    low, high = wilson_interval(0, 10)
    assert (low, round(high, 4)) == (0.0, 0.2775)
    assert tuple(round(x, 4) for x in wilson_interval(5, 10)) == (0.2366, 0.7634)
    assert wilson_interval(10, 10)[1] == 1.0


def test_shares_are_of_the_runs_of_an_outcome_and_dnc_has_its_interval(
    connection: Connection, trained: Selection
) -> None:
    drawn = STORE_FIGURES["dnc-share-vs-width"].collect(connection, trained, Options())
    runs = {run["id"]: run for run in rows_of(connection, trained)}
    assert sorted(key for row in drawn.rows for key in row["run_ids"]) == sorted(runs)
    for row in drawn.of("share"):
        own = [runs[key] for key in row["run_ids"]]
        assert {run["outcome"] for run in own} <= {row["outcome"]}
        assert (row["count"], row["share"]) == (len(own), len(own) / row["runs"])
        assert row["unsettled"] == sum(run["settled"] == 0 for run in own)
        assert row["unknown"] == sum(run["settled"] is None for run in own)
    for row in drawn.of("share", outcome="dnc"):
        assert (row["low"], row["high"]) == wilson_interval(row["count"], row["runs"])


def test_effective_ranks_are_means_of_the_stored_ones(connection: Connection, trained: Selection) -> None:
    from nccli.store import select_layers

    for row in STORE_FIGURES["effective-rank"].collect(connection, trained, Options()).rows:
        layers = select_layers(connection, row["run_ids"])
        wanted = [
            layer["effective_rank"]
            for key in row["run_ids"]
            for layer in layers[key]
            if (layer["layer"], layer["stage"]) == (row["layer"], row["stage"])
        ]
        assert row["effective_rank"] == pytest.approx(fmean(wanted))


def test_the_effective_rank_of_a_layer_that_is_zero_is_0(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "zero.db"))
    rng = np.random.default_rng(0)
    layers = measure_layers([(1, "post", 1e-9 * rng.normal(size=(12, 5)))], np.repeat(np.arange(3), 4), [np.eye(3, 5)])
    assert layers[0].effective_rank > 1
    save_run(made, measured_run("features", layers, 4, {"source": "a.npz", "data": "0" * 16}, 0.1))
    with made.read() as connection:
        (row,) = STORE_FIGURES["effective-rank"].collect(connection, Selection(), Options()).rows
    assert row["effective_rank"] == 0.0


def test_small_singular_values_before_the_activation_are_drawn_where_the_activation_changes_them() -> None:
    post = np.array([[1.0, 0.5, 4e-3]])
    stages = [Stage(layer, stage) for layer, stage in ((1, "post"), (2, "pre"), (2, "post"), (3, "pre"), (3, "post"))]
    for factor, different in ((1.0, set()), (1e-4, {Stage(2, "pre")})):
        values = {stage: post * np.array([1.0, 1.0, factor if stage == Stage(2, "pre") else 1.0]) for stage in stages}
        series = Series("", {}, (SettingRuns({"L": 3}, ("a",), {}),))
        assert _stages(series, Stacked(["a"], values)) == (stages, different)


def test_landscape_has_a_mark_a_run_and_the_solutions_of_their_problems(
    connection: Connection, trained: Selection
) -> None:
    drawn = STORE_FIGURES["landscape"].collect(connection, trained, Options())
    records = {each["id"]: each for each in comparison_records(connection, rows_of(connection, trained), RANK_RTOL)}
    marks = {row["run_ids"][0]: (row["mean_rank"], row["ratio"]) for row in drawn.of("run")}
    assert marks == {
        key: (record["mean_rank"], pytest.approx(record["ratio_dnc"], rel=1e-14)) for key, record in records.items()
    }
    problems = {problem for row in rows_of(connection, trained) if (problem := problem_of(row)) is not None}
    expected = {
        (name, solution.rank, solution.loss / solve_dnc(problem).loss)
        for problem in problems
        for name, kind in (("DNC", "dnc"), ("SRG", "srg"), ("bipartition", "bipartition"))
        for solution in [solve_kind(problem, kind, {})]
    }
    assert len(problems) == 4
    assert {(row["series"], row["mean_rank"], row["ratio"]) for row in drawn.of("solution")} == expected
