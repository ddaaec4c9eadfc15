"""Figures draw the numbers of the store, and say which runs they come from."""

import warnings
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection

from nccli.errors import InputError, NothingFoundError
from nccli.figures import STORE_FIGURES, Options, collect_loss_ratio, render, style, wilson_interval
from nccli.figures._heat_maps import HeatMaps
from nccli.figures._series import Series, settings_of, split_series
from nccli.figures._spectra import _stages
from nccli.figures._stages import require_few
from nccli.metrics import RANK_RTOL, measure_layers
from nccli.store import (
    Selection,
    SettingRuns,
    Stacked,
    Stage,
    Store,
    comparison_records,
    parse_where,
    save_run,
    select_history,
    select_matrix,
    select_ranks,
    select_settings,
    select_spectra,
)
from nccli.sweep import construction_run, measured_run
from nccli.theory import Problem, solve_dnc
from tests.figures.conftest import rows_of
from tests.store.example_runs import example_history, example_run

RANK, SPECTRA, TRAINING = (STORE_FIGURES[name] for name in ("rank-vs-wd", "spectra", "training"))


def ids(connection: Connection, selection: Selection) -> list[str]:
    """Of the selected runs."""
    return [run["id"] for run in rows_of(connection, selection)]


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


def test_spectra_are_means_of_stored_singular_values(connection: Connection, collapsed: Selection) -> None:
    drawn = SPECTRA.collect(connection, collapsed, Options())
    spectra = select_spectra(connection, ids(connection, collapsed))
    assert drawn.values("series") == ["λ = 0.005", "λ = 0.02"]
    shown = [(row["layer"], row["stage"]) for row in drawn.rows if row["index"] == 1 and row["series"] == "λ = 0.005"]
    assert shown == [(1, "post"), (2, "pre"), (2, "post"), (3, "pre"), (3, "post"), (4, "pre"), (4, "post")]
    for row in drawn.rows:
        values = [spectra[key][Stage(row["layer"], row["stage"])][row["index"] - 1] for key in row["run_ids"]]
        assert row["value"] == pytest.approx(fmean(values), rel=1e-14)
        assert row["sd"] == pytest.approx(stdev(values), rel=1e-12)


def test_training_curves_are_the_stored_histories(connection: Connection, trained: Selection) -> None:
    chosen = Selection(where=parse_where("n=2 and wd=5e-3"), trained=True)
    drawn = TRAINING.collect(connection, chosen, Options())
    histories = select_history(connection, ids(connection, chosen))
    first = rows_of(connection, chosen)[0]
    by_step = {point["step"]: [] for points in histories.values() for point in points}
    for points in histories.values():
        for point in points:
            by_step[point["step"]].append(point)
    for row in drawn.of("loss") + drawn.of("fit") + drawn.of("reg"):
        losses = [point[row["what"]] for point in by_step[row["step"]]]
        assert row["mean"] == pytest.approx(fmean(losses), rel=1e-14)
        assert row["high"] - row["low"] == pytest.approx(2 * stdev(losses), rel=1e-9)
    for row in drawn.of("dnc1", layer=4, stage="pre"):
        values = [point["dnc1"][5] for point in by_step[row["step"]]]
        assert row["mean"] == pytest.approx(np.exp(np.mean(np.log(values))), rel=1e-12)
        assert (row["low"], row["high"]) == (min(values), max(values))
    assert [row["mean"] for row in drawn.of("reference")] == [first["loss_dnc"], first["loss_srg"]]


def test_training_of_a_construction_does_not_exist(connection: Connection) -> None:
    built = Selection(where=parse_where("kind in (dnc, srg)"))
    with pytest.raises(NothingFoundError, match="not trained"):
        TRAINING.collect(connection, built, Options())


def test_the_caption_of_training_says_what_it_does_not_show(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "runs.db"))
    for seed, points in enumerate((2, 4)):
        save_run(made, example_run(seed, history=example_history(points), loss_dnc=0.4, loss_srg=0.3))
    solution = solve_dnc(Problem.uniform(4, 3, 0.004, n=2))
    save_run(made, construction_run(solution, 5))
    with made.read() as connection:
        drawn = TRAINING.collect(connection, Selection(), Options())
    assert ", lr = 0.5, relu, 2 runs; 2 a setting, " in drawn.caption
    assert drawn.caption.endswith("fit and reg below the axis in part; runs that ended early keep their last values")
    assert drawn.notes == ("1 runs left out: no history",)
    assert drawn.values("series") == [""]


def test_too_many_curves_name_what_their_settings_differ_in(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "diagonal.db"))
    for i in range(1, 18):
        wd = i / 1000
        save_run(made, example_run(i, width=i, config={"width": i, "wd_h1": wd, "wd_layers": (wd,) * 3}))
    with made.read() as connection:
        for name, differing in (
            ("rank-vs-wd", "width"),
            ("rank-vs-width", "wd, wd_h1"),
            ("rank-vs-lr", "width, wd, wd_h1"),
        ):
            with pytest.raises(
                InputError, match=f"at most 16 curves: narrow them with --where, they differ in {differing}$"
            ):
                STORE_FIGURES[name].collect(connection, Selection(), Options())


def test_captions_name_the_hidden_layers(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "shallow.db"))
    for L in (2, 3):
        save_run(made, example_run(L, L=L, config={"L": L, "wd_layers": (0.004,) * L}))
    with made.read() as connection:
        for where, words in (
            ("L=3", "layers 2 to L−1"),
            ("L=2", r"$\widetilde{M}_2$"),
            ("L>0", r"L−1, for L = 2 $\wide"),
        ):
            for name in ("rank-vs-wd", "dnc-share-vs-width"):
                assert (
                    words
                    in STORE_FIGURES[name].collect(connection, Selection(where=parse_where(where)), Options()).caption
                )


def test_more_settings_than_panels_are_refused(connection: Connection, trained: Selection) -> None:
    setting = select_settings(connection, trained)[0]
    many = [replace(setting, row={**setting.row, "config": {**setting.row["config"], "lr": i}}) for i in range(13)]
    with pytest.raises(InputError, match="13 different settings"):
        require_few(split_series(many), "spectra", connection, trained)


def test_loss_ratio_is_the_table_of_the_theory_sheet() -> None:
    problems = [Problem.uniform(K, L, 5e-4) for K, L in ((6, 3), (10, 3), (6, 4), (190, 4))]
    drawn = collect_loss_ratio(problems, [])
    assert {(row["L"], row["K"]): round(row["ratio"], 6) for row in drawn.of("theory")} == {
        (3, 6): 1.056059,
        (3, 10): 0.923088,
        (4, 6): 0.963289,
        (4, 190): 0.632792,
    }


def test_loss_ratio_shows_runs_of_its_own_problems_only(connection: Connection, trained: Selection) -> None:
    rows = rows_of(connection, trained)
    drawn = collect_loss_ratio([Problem.uniform(6, 4, 5e-3)], select_settings(connection, trained, ("loss",)))
    wanted = {run["id"]: run["loss"] / run["loss_dnc"] for run in rows if run["n"] == 1 and run["wd"] == 5e-3}
    assert {row["run_ids"][0]: row["ratio"] for row in drawn.of("run")} == wanted
    assert any("9 runs left out" in note for note in drawn.notes)


def test_loss_ratio_leaves_out_where_the_trivial_point_wins() -> None:
    drawn = collect_loss_ratio([Problem.uniform(K, 4, wd) for K in (3, 10) for wd in (1e-3,)], [])
    assert [row["K"] for row in drawn.of("theory")] == [10]
    assert collect_loss_ratio([Problem.uniform(10, 4, 0.5)], []).rows == []


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


def test_the_share_of_dnc_counts_runs_whose_hidden_layers_are_dnc(connection: Connection, trained: Selection) -> None:
    drawn = STORE_FIGURES["dnc-share-vs-width"].collect(connection, trained, Options())
    structures = {run["id"]: run["structure"] for run in rows_of(connection, trained)}
    for row in drawn.of("share"):
        assert row["dnc"] == sum(structures[key] == "DNC" for key in row["run_ids"])
        assert row["low"] <= row["share"] <= row["high"]


@pytest.mark.parametrize(("name", "matrix"), [("gram", "gram"), ("class-means", "class_means")])
def test_heat_maps_show_the_stored_matrices_permuted_or_raw(connection: Connection, name: str, matrix: str) -> None:
    srg = Selection(where=parse_where("kind=srg"))
    (key,) = ids(connection, srg)
    stored = select_matrix(connection, key, 3, "post", matrix)
    for raw in (True, False):
        rows = STORE_FIGURES[name].collect(connection, srg, Options(raw=raw)).of(matrix, layer=3)
        shown = np.zeros((1 + max(r["row"] for r in rows), 1 + max(r["column"] for r in rows)))
        for row in rows:
            shown[row["row"], row["column"]] = row["value"]
        assert {row["structure"] for row in rows} == {"SRG T(4)"}
        if raw:
            assert np.array_equal(shown, stored)
        else:
            assert shown.sum() == pytest.approx(stored.sum())


def test_the_gram_of_srg_appears_as_the_line_graph_of_the_complete_graph(connection: Connection) -> None:
    srg = Selection(where=parse_where("kind=srg"))
    rows = STORE_FIGURES["gram"].collect(connection, srg, Options()).of("gram", layer=3)
    largest = max(row["value"] for row in rows)
    edges = [(u, v) for u in range(4) for v in range(u + 1, 4)]
    for row in rows:
        shared = len({*edges[row["row"]]} & {*edges[row["column"]]})
        assert row["value"] / largest == pytest.approx(shared / 2, abs=1e-9)


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


def test_unequal_weight_decays_are_named_one_by_one_and_nothing_is_none(
    connection: Connection, trained: Selection
) -> None:
    (first, *_) = select_settings(connection, trained, ("loss",))
    unequal = {**first.row["config"], "wd_layers": [5e-3, 5e-3, 1e-2]}
    other = replace(first, row={**first.row, "wd": None, "config": unequal})
    labels = sorted(series.label for series in split_series([first, other]))
    assert labels == ["λ = 0.005", "λ_H1 = 0.005, λ_W = (0.005 0.005 0.01)"]


def _with(run: SettingRuns, wd: float, h1: float, **options: Any) -> SettingRuns:
    """The runs as if they had these weight decays and options."""
    config = {**run.row["config"], "wd_layers": [wd] * 4, "wd_h1": h1, **options}
    return replace(run, row={**run.row, "wd": wd, "wd_h1": h1, "config": config})


@pytest.mark.parametrize(
    ("decays", "expected"),
    [
        ([(1e-3, 1e-3), (2e-3, 2e-3)], {"": 2}),
        ([(1e-3, 1e-3), (2e-3, 2e-3), (1e-3, 4e-3), (2e-3, 4e-3)], {"λ_H1 = λ": 2, "λ_H1 = 0.004": 2}),
        ([(1e-3, 1e-3), (2e-3, 2e-3), (1e-3, 4e-3), (2e-3, 8e-3)], {"λ_H1/λ = 1": 2, "λ_H1/λ = 4": 2}),
        ([(1e-3, 2e-3), (2e-3, 2e-3), (4e-3, 2e-3)], {"": 3}),
        ([(1e-3, 2e-3), (2e-3, 2e-3), (1e-3, 3e-3), (2e-3, 3e-3)], {"λ_H1 = 0.002": 2, "λ_H1 = 0.003": 2}),
        ([(wd, h1) for wd in (1e-3, 2e-3, 3e-3) for h1 in (2e-3, 3e-3)], {"λ_H1 = 0.002": 3, "λ_H1 = 0.003": 3}),
    ],
)
def test_runs_of_other_decays_of_the_features_are_other_curves_over_the_weight_decay(
    connection: Connection, trained: Selection, decays: list[tuple[float, float]], expected: dict[str, int]
) -> None:
    (first, *_) = select_settings(connection, trained, ("loss",))
    series = split_series([_with(first, wd, h1) for wd, h1 in decays], ("wd",))
    assert {each.label: len(each.members) for each in series} == expected


def test_labels_leave_out_what_is_as_usual_and_are_never_empty(connection: Connection, trained: Selection) -> None:
    (first, *_) = select_settings(connection, trained, ("loss",))
    cosine = _with(first, 5e-3, 5e-3, schedule="cosine")
    plain = _with(first, 5e-3, 5e-3)
    assert [each.label for each in split_series([plain, cosine])] == ["schedule = constant", "schedule = cosine"]
    larger = _with(first, 1e-2, 1e-2)
    labels = {each.label for each in split_series([plain, cosine, larger])}
    assert labels == {"λ = 0.005", "λ = 0.005, schedule = cosine", "λ = 0.01"}


def test_an_exact_srg_is_called_exact(connection: Connection) -> None:
    drawn = STORE_FIGURES["gram"].collect(connection, Selection(where=parse_where("kind=srg")), Options())
    assert ", exact, " in drawn.caption
    assert "blocks" not in drawn.caption


def test_labels_tell_equal_names_apart_by_what_else_differs(connection: Connection, trained: Selection) -> None:
    (first, *_) = select_settings(connection, trained, ("loss",))
    near = [_with(first, wd, wd) for wd in (0.00123456, 0.001234561, 0.01)]
    assert [each.label for each in split_series(near)] == ["λ = 0.00123456", "λ = 0.001234561", "λ = 0.01"]
    sets = [_with(first, 5e-3, 5e-3, lr=lr, data=data) for lr, data in ((0.1, "x"), (0.1, "y"), (0.2, "x"))]
    assert [each.label for each in split_series(sets)] == ["lr = 0.1, data = x", "lr = 0.1, data = y", "lr = 0.2"]


def test_only_srg_is_exact(connection: Connection) -> None:
    (srg,) = select_settings(connection, Selection(where=parse_where("kind=srg")))
    assert settings_of(srg.row)["variant"] == "exact"
    assert settings_of({**srg.row, "kind": "graph"})["variant"] != "exact"


def _save_features(made: Store, *sources: str) -> None:
    """A layer of random features for each name."""
    rng = np.random.default_rng(0)
    for number, source in enumerate(sources):
        layers = measure_layers([(1, "post", rng.normal(size=(12, 5)))], np.repeat(np.arange(3), 4), [np.eye(3, 5)])
        save_run(made, measured_run("features", layers, 4, {"source": source, "data": f"{number}" * 16}, 0.1))


def test_features_of_other_networks_are_drawn_too(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "features.db"))
    _save_features(made, "a.npz")
    with made.read() as connection:
        for name in ("spectra", "effective-rank", "gram", "class-means"):
            drawn = STORE_FIGURES[name].collect(connection, Selection(), Options())
            assert drawn.values("symbol") == ["$M_{1}$"]
            assert "λ" not in drawn.caption
            assert "sd" not in drawn.caption


@pytest.mark.parametrize("name", ["spectra", "effective-rank", "gram", "class-means"])
def test_names_of_files_are_no_formulas(name: str, tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "features.db"))
    _save_features(made, "p$q.npz", "a$b$c.npz", "a$b$c.npz", "\u6570\u636e.npz", r"x^{\n_\frac.npz")
    with made.read() as connection, style(), warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = STORE_FIGURES[name].collect(connection, Selection(), Options())
        assert len(render(STORE_FIGURES[name].draw(drawn, 5.5), "pdf")) > 5000
    assert len(drawn.values("series")) == 5


@pytest.mark.parametrize("name", ["spectra", "effective-rank", "gram", "class-means", "dnc-share-vs-width"])
def test_captions_count_the_runs_that_are_drawn_and_notes_the_others(name: str, connection: Connection) -> None:
    every = Selection(where=parse_where("kind=dufm and n=2 and wd=5e-3"))
    assert every.count(connection) == 4
    drawn = STORE_FIGURES[name].collect(connection, every, Options())
    assert len({key for row in drawn.rows for key in row["run_ids"]}) <= 3
    assert ", 3 runs; " in drawn.caption
    assert any(note.startswith("1 runs left out") for note in drawn.notes)


def test_the_order_of_classes_is_named_for_what_it_is() -> None:
    means, gram = (STORE_FIGURES[name] for name in ("class-means", "gram"))
    assert isinstance(means, HeatMaps)
    assert isinstance(gram, HeatMaps)
    assert means._order_words({True}, raw=True) == ["classes and neurons as stored"]
    assert gram._order_words({True}, raw=False) == ["classes in the order of the structure"]
    assert gram._order_words({False}, raw=False)[0].startswith("no structure in the hidden layers")
    assert "alike ones side by side where there is none" in means._order_words({True, False}, raw=False)[0]


def test_rows_before_and_after_the_last_activation_are_the_same_neurons(connection: Connection) -> None:
    drawn = STORE_FIGURES["class-means"].collect(connection, Selection(where=parse_where("kind=srg")), Options())
    pre, post = (
        [row["neuron"] for row in drawn.of("class_means", layer=4, stage=s, column=0)] for s in ("pre", "post")
    )
    assert len(post) == 6
    assert pre[: len(post)] == post


def test_small_singular_values_before_the_activation_are_drawn_where_the_activation_changes_them() -> None:
    post = np.array([[1.0, 0.5, 4e-3]])
    stages = [Stage(layer, stage) for layer, stage in ((1, "post"), (2, "pre"), (2, "post"), (3, "pre"), (3, "post"))]
    for factor, different in ((1.0, set()), (1e-4, {Stage(2, "pre")})):
        values = {stage: post * np.array([1.0, 1.0, factor if stage == Stage(2, "pre") else 1.0]) for stage in stages}
        series = Series("", {}, (SettingRuns({"L": 3}, ("a",), {}),))
        assert _stages(series, Stacked(["a"], values)) == (stages, different)
