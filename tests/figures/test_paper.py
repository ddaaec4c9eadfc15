"""The paper's figures, from what the store has; end-to-end runs as stored ones."""

from pathlib import Path
from typing import Any

import pytest

from nccli.dufm.config import DufmConfig
from nccli.errors import InputError
from nccli.figures import FIGURES, Options, render, style
from nccli.store import FinishedRun, Selection, Store, parse_where, save_run
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


def test_of_many_settings_the_run_of_least_loss_over_dnc_is_drawn(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "runs.db"))
    ratios = {seed: 0.99 - 0.01 * ((7 * seed) % 20) for seed in range(20)}
    keys = {seed: save_run(made, low_rank_run(seed, 1e-3 * (1 + seed // 2), ratio)) for seed, ratio in ratios.items()}
    with made.read() as connection:
        found = PAPER_FIGURES["fig7"].collect(connection, Selection(), Options()).parts
    best = keys[min(ratios, key=lambda seed: ratios[seed])]
    assert len(found) == 2
    for drawn in found.values():
        assert {key for row in drawn.rows for key in row["run_ids"]} == {best}
        assert ", 1 run; 1 not known to have settled; loss / DNC loss = 0.8, the least of 20 runs in " in drawn.caption
        assert " runs in 10 settings; loss / SRG loss = " in drawn.caption


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
    assert (list(fig1.parts), fig1.notes) == (["SRG", "DNC"], ())
    for drawn in fig1.parts.values():
        assert "n = 1, d = 10, λ = 0.001, " in drawn.caption
        assert "of 3 runs in 3 settings that of the least n and λ" in drawn.caption


def test_curves_of_one_point_are_left_out_and_what_is_left_is_told_apart_anew(store: Store) -> None:
    save_run(store, end_to_end(99, "cifar10", "dufm", 1e-3, L=4))
    with store.read() as connection:
        found = PAPER_FIGURES["fig9"].collect(connection, Selection(), Options()).parts
    drawn, *_ = found.values()
    assert {row["series"] for row in drawn.of("mean")} == {""}
    assert drawn.notes == ("1 runs left out: no ranks, no single wd, or a curve of one point",)


def test_runs_that_do_not_fit_name_the_figure_and_the_part(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "many.db"))
    for seed in range(13):
        save_run(made, end_to_end(seed, "mnist", "standard", 1e-3 * (1 + seed), L=5))
    with (
        made.read() as connection,
        pytest.raises(InputError, match=r"^fig4, MNIST: training: the runs .* they differ in wd, wd_h1, such as"),
    ):
        PAPER_FIGURES["fig4"].collect(connection, Selection(), Options())


def test_there_are_ten() -> None:
    assert list(PAPER_FIGURES) == [f"fig{i}" for i in range(1, 11)]


def test_parts_of_a_figure_have_titles_of_their_own() -> None:
    for figure in PAPER_FIGURES.values():
        assert len({part.title for part in figure.parts}) == len(figure.parts)
