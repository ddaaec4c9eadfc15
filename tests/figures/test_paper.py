"""The paper's figures, from what the store has; end-to-end runs as stored ones."""

from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pytest
from matplotlib.lines import Line2D

from nccli.dufm.config import DufmConfig
from nccli.errors import InputError
from nccli.figures import FIGURES, Drawn, Options, render, style
from nccli.figures.captions import one_caption
from nccli.figures.legend_of_page import entries_of_page
from nccli.figures.nearest import spectral_distance, srg
from nccli.store import FinishedRun, Selection, Store, parse_where, save_run, select_settings
from nccli.sweep import DufmTrainer, construction_run, execute, plan_runs
from nccli.theory import Problem, solve_dnc, solve_srg
from tests.figures.drawing import PAPER_FIGURES
from tests.store.example_runs import STAGES, example_run


def end_to_end(seed: int, dataset: str, reg: str, wd: float, L: int = 3) -> FinishedRun:
    """A run such as `nccli train-e2e` stores."""
    like = example_run(seed)
    config: dict[str, Any] = {"dataset": dataset, "backbone": "resnet20", "reg": reg, "L": L, "K": 4, "seed": seed}
    config |= {"wd_h1": 1e-3 * wd, "wd_layers": [wd] * L, "lr": 0.05, "epochs": 3, "batch_size": 64, "per_class": 10}
    return FinishedRun({**like.row, "kind": "e2e", "L": L, "lr": 0.05}, config, like.layers, like.history)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Runs end to end on both data sets, with both regularisations."""
    made = Store.create(str(tmp_path / "runs.db"))
    for seed, (dataset, reg, wd) in enumerate(
        (dataset, reg, wd) for dataset in ("mnist", "cifar10") for reg in ("dufm", "standard") for wd in (1e-3, 5e-3)
    ):
        save_run(made, end_to_end(seed, dataset, reg, wd))
    return made


@pytest.mark.parametrize(("name", "parts"), [("fig9", 2), ("fig10", 1)])
def test_end_to_end_figures_draw_stored_runs(store: Store, name: str, parts: int) -> None:
    with store.read() as connection:
        drawn = PAPER_FIGURES[name].collect(connection, Selection(), Options())
    assert len(drawn.parts) == parts
    assert not any("for want of runs" in note for note in drawn.notes)
    with style():
        assert len(render(PAPER_FIGURES[name].draw(drawn, 5.5), "pdf")) > 5000


def test_the_runs_of_a_figure_are_those_of_its_data_set_and_regularisation(store: Store) -> None:
    with store.read() as connection:
        (drawn,) = PAPER_FIGURES["fig10"].collect(connection, Selection(), Options()).parts.values()
        wanted = Selection(where=parse_where("config.dataset=mnist and config.reg=standard"))
        assert wanted.count(connection) == 2
    assert sum(row["runs"] for row in drawn.of("mean")) == 2
    assert {row["wd"] for row in drawn.of("mean")} == {1e-3, 5e-3}


def test_training_end_to_end_has_lines_of_theory_only_where_theory_applies(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "other.db"))
    for seed, reg in enumerate(("dufm", "standard")):
        save_run(made, end_to_end(seed, "cifar10", reg, 5e-3))
    with made.read() as connection:
        drawn = FIGURES["training"].collect(connection, Selection(), Options())
    assert len({row["series"] for row in drawn.of("rank")}) == 2
    assert len({row["series"] for row in drawn.of("reference")}) == 1
    assert len(drawn.of("rank")) == 2 * 3 * (len(STAGES) - 1)


@pytest.mark.parametrize("name", PAPER_FIGURES)
def test_without_runs_every_part_names_the_command_that_makes_them(name: str) -> None:
    found, missing = PAPER_FIGURES[name].find(None, Selection(), Options())
    assert set(found) == {part.title for part in PAPER_FIGURES[name].parts if part.figure.grid is not None}
    for each in missing:
        assert each.part.made_by.startswith(
            ("nccli train-dufm --K", "nccli train-e2e --dataset", "nccli construct --kind")
        )
        assert parse_where(each.part.where)
        assert each.why == ""


def test_runs_that_are_not_of_low_rank_are_counted_and_not_drawn(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "full.db"))
    config = DufmConfig(K=6, L=4, n=1, width=9, wd_h1=1e-3, wd_layers=(1e-3,) * 4, lr=0.1, steps=1, seed=0)
    execute(plan_runs([config], made, force=False), DufmTrainer("cpu"), made)
    with made.read() as connection:
        found, missing = PAPER_FIGURES["fig7"].find(connection, Selection(), Options())
    assert found == {}
    assert {each.why for each in missing} == {"of 1 run none is of low rank, on average below 6 in the hidden layers"}


def low_rank_run(seed: int, wd: float, ratio: float) -> FinishedRun:
    """A stopped run for fig7, with its loss as a multiple of the DNC loss."""
    config = {"K": 6, "L": 4, "n": 1, "wd_h1": wd, "wd_layers": (wd,) * 4}
    return example_run(seed, config=config, optimizer="gd", loss=ratio * wd, loss_dnc=wd)


def test_of_many_settings_the_run_nearest_to_srg_is_drawn(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "runs.db"))
    keys = [save_run(made, low_rank_run(seed, 1e-3 * (1 + seed // 2), 0.8)) for seed in range(20)]
    with made.read() as connection:
        found = PAPER_FIGURES["fig7"].collect(connection, Selection(), Options()).parts
        settings = select_settings(connection, Selection())
        distances = {key: far for each in settings for key, far in srg(4).distances(connection, each).items()}
    nearest = min(keys, key=lambda key: distances[key])
    assert len(found) == 2
    for drawn in found.values():
        assert {key for row in drawn.rows for key in row["run_ids"]} == {nearest}
        assert ", the nearest of 20 runs in 10 settings; loss / DNC loss = 0.8; loss / SRG loss = " in drawn.caption
        assert any(note.startswith("no run is recognised as SRG T(4): the nearest is drawn") for note in drawn.notes)


def test_spectra_of_a_solution_are_as_far_from_it_as_its_gram_matrix_at_most() -> None:
    """Hoffman and Wielandt: no order of classes brings Gram matrices nearer than their spectra are."""
    near = srg(4)
    H = np.diag(near.eigenvalues)
    rng = np.random.default_rng(0)
    for noise in (0.0, 0.1, 1.0):
        M = np.sqrt(H) + noise * rng.normal(size=(6, 6))
        G, values = M.T @ M, np.linalg.svd(M, compute_uv=False)
        distance = np.linalg.norm(G - H * (G * H).sum() / (H * H).sum()) / np.linalg.norm(G)
        assert spectral_distance(values[None], near.eigenvalues)[0] <= distance + 1e-7
    assert spectral_distance(np.zeros((1, 6)), near.eigenvalues).tolist() == [1.0]


def test_fig1_shows_both_solutions_of_the_same_problem(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "built.db"))
    for n, wd in ((5, 1e-3), (1, 4e-3), (1, 1e-3)):
        problem = Problem.uniform(10, 4, wd, n=n)
        srg = solve_srg(problem)
        assert srg is not None
        for solution in (solve_dnc(problem), srg):
            save_run(made, construction_run(solution, 10))
    with made.read() as connection:
        fig1 = PAPER_FIGURES["fig1"].collect(connection, Selection(), Options())
    assert (list(fig1.parts), fig1.notes) == (["SRG", "SRG, Gram", "DNC"], ())
    for drawn in fig1.parts.values():
        assert "n = 1, d = 10, λ = 0.001, " in drawn.caption
        assert "of 3 runs in 3 settings that of the least n and λ" in drawn.caption


def test_curves_of_one_point_are_left_out_and_what_is_left_is_told_apart_anew(store: Store) -> None:
    save_run(store, end_to_end(99, "cifar10", "dufm", 1e-3, L=4))
    with store.read() as connection:
        found = PAPER_FIGURES["fig9"].collect(connection, Selection(), Options()).parts
    drawn, *_ = found.values()
    assert {row["series"] for row in drawn.of("mean")} == {""}
    told = "1 run set aside as curves of one point: L = 4"
    assert told in drawn.notes
    assert drawn.caption.endswith(told)
    assert drawn.counts["set aside"] == 1


def test_runs_that_do_not_fit_name_the_figure_and_the_part(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "many.db"))
    for seed in range(34):
        run = end_to_end(seed, "mnist", "standard", 1e-3 * (1 + seed % 2))
        save_run(made, replace(run, config={**run.config, "batch_size": 1 + seed // 2}))
    with (
        made.read() as connection,
        pytest.raises(InputError, match=r"^fig10, mean rank against weight decay: the runs have 17 different settings"),
    ):
        PAPER_FIGURES["fig10"].collect(connection, Selection(), Options())


def test_a_part_draws_the_setting_with_the_most_runs_and_says_what_it_sets_aside(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "mixed.db"))
    for seed in range(5):
        save_run(made, end_to_end(seed, "cifar10", "dufm", 1e-3 if seed < 2 else 5e-3))
    with made.read() as connection:
        drawn = FIGURES["spectra"].collect(connection, Selection(), Options(one_setting=True))
    assert {row["runs"] for row in drawn.of("median")} == {3}
    assert drawn.caption.endswith("2 runs of 1 other setting set aside")
    assert drawn.counts["set aside"] == 2
    assert any("2 runs of 1 other setting set aside" in note for note in drawn.notes)


def test_a_caption_of_several_says_once_what_they_share() -> None:
    captions = {"a, b": "K = 10, 5 runs; 2 not settled; bands", "c": "K = 10, 6 runs; 2 not settled; a line a run"}
    assert one_caption(captions) == "K = 10; (a, b) 5 runs; (all) 2 not settled; (a, b) bands; (c) 6 runs; a line a run"
    assert one_caption({"a": "K = 10; bands"}) == "K = 10; bands"


@pytest.mark.parametrize("name", PAPER_FIGURES)
def test_panels_of_a_figure_have_letters_in_their_order(name: str, store: Store) -> None:
    with store.read() as connection:
        drawn, _ = PAPER_FIGURES[name].find(connection, Selection(), Options())
    letters = ", ".join(PAPER_FIGURES[name].letters(drawn).values())
    single = len(drawn) == 1 and not letters  # of a single panel
    assert single or letters.replace(", ", "") == ascii_lowercase[: len(letters.split(", "))] or not drawn


@pytest.mark.parametrize("name", PAPER_FIGURES)
def test_a_page_of_neurips_is_four_inches_high_at_most(name: str, store: Store) -> None:
    with store.read() as connection:
        drawn, _ = PAPER_FIGURES[name].find(connection, Selection(), Options())
    if drawn:
        with style():
            figure = PAPER_FIGURES[name].draw(Drawn([], "", parts=drawn), 5.5, with_caption=False)
        assert figure.get_figheight() <= 4.0


def test_layers_before_their_activation_share_an_entry_of_the_legend() -> None:
    layers = {name: Line2D([], [], marker="o") for name in ("$M_{1}$", "$M_{2}$", r"$\widetilde{M}_{2}$", "$H_{3}$")}
    before = {r"$\widetilde{H}_{3}$": Line2D([], [])}
    assert list(entries_of_page([("a", [*layers.items(), *before.items()])])) == [
        "layer 1", "layer 2", "layer 3", "before σ",
    ]  # fmt: skip
    alone = entries_of_page([("a", [*layers.items()]), ("c", [("MNIST", None)])])
    assert list(alone) == ["layer 1", "layer 2 before σ", "layer 2", "layer 3", "c: MNIST"]


def test_there_are_ten() -> None:
    assert list(PAPER_FIGURES) == [f"fig{i}" for i in range(1, 11)]


def test_parts_of_a_figure_have_titles_of_their_own() -> None:
    for figure in PAPER_FIGURES.values():
        assert len({part.title for part in figure.parts}) == len(figure.parts)
