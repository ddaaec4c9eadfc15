"""Captions, notes and refusals say what is drawn, what is not, and why."""

import shlex
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sqlalchemy import Connection

from nccli.errors import InputError
from nccli.figures import Options, render, style
from nccli.figures.captions import caption, captioned_height
from nccli.figures.limits import PANELS
from nccli.figures.series import split_series
from nccli.metrics import measure_layers
from nccli.store import (
    Selection,
    Store,
    parse_where,
    save_run,
    select_settings,
)
from nccli.sweep import construction_run, measured_run
from nccli.theory import Problem, solve_dnc
from tests.figures.drawing import STORE_FIGURES
from tests.store.example_runs import example_history, example_run


def test_the_caption_of_training_says_what_it_does_not_show(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "runs.db"))
    for seed, points in enumerate((2, 4)):
        save_run(made, example_run(seed, history=example_history(points), loss_dnc=0.4, loss_srg=0.3))
    solution = solve_dnc(Problem.uniform(4, 3, 0.004, n=2))
    save_run(made, construction_run(solution, 5))
    with made.read() as connection:
        drawn = STORE_FIGURES["training"].collect(connection, Selection(), Options())
    assert (
        ", lr = 0.5, relu, 100 steps = 0.2 time constants, 2 runs; 2 not known to have settled; 2 a setting, "
        in drawn.caption
    )
    assert drawn.caption.endswith("rank: mean and range; runs that ended early keep their last values")
    assert drawn.notes == ("1 runs left out: no history", "2 of 2 runs are not known to have settled")
    assert drawn.counts == {"not known to have settled": 2, "left out": 1}
    assert [(row["of"], row["runs"]) for row in drawn.counted] == list(drawn.counts.items())
    assert drawn.values("series") == [""]


def test_too_many_curves_name_what_their_settings_differ_in(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "diagonal.db"))
    for i in range(1, 18):
        wd = i / 1000
        save_run(made, example_run(i, width=i, config={"width": i, "wd_h1": wd, "wd_layers": (wd,) * 3}))
    with made.read() as connection:
        for name, differing in (
            ("rank-vs-wd", "width, wd_h1"),
            ("rank-vs-width", "wd, wd_h1"),
            ("rank-vs-lr", "width, wd, wd_h1"),
        ):
            with pytest.raises(
                InputError, match=f"at most 16 curves: narrow them with --where, they differ in {differing}, such as\n"
            ):
                STORE_FIGURES[name].collect(connection, Selection(), Options())


def test_conditions_that_a_refusal_names_draw_its_largest_groups(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "mixed.db"))
    for lr, runs in ((0.1, 1), (0.2, 3), (0.3, 2), (0.4, 4)):
        for i in range(5):
            config = {"lr": lr, "width": 5 + i}
            for seed in range(runs):
                save_run(made, example_run(seed, lr=lr, width=5 + i, config=config))
    with made.read() as connection:
        with pytest.raises(InputError) as refused:
            STORE_FIGURES["spectra"].collect(connection, Selection(trained=True), Options())
        _, *lines = str(refused.value).splitlines()
        assert [line.split("#")[1].strip() for line in lines] == [f"5 settings, {5 * n} runs" for n in (4, 3, 2)]
        for line, runs in zip(lines, (20, 15, 10), strict=True):
            flag, where = shlex.split(line, comments=True)
            assert flag == "--where"
            drawn = STORE_FIGURES["spectra"].collect(connection, Selection(where=parse_where(where)), Options())
            assert len({key for row in drawn.rows for key in row["run_ids"]}) == runs


def test_captions_name_the_hidden_layers(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "shallow.db"))
    for L in (2, 3):
        save_run(made, example_run(L, L=L, config={"L": L, "wd_layers": (0.004,) * L}))
    with made.read() as connection:
        for name, shallow in (("rank-vs-wd", r"$\widetilde{M}_2$"), ("dnc-share-vs-width", "$M_2$")):
            for where, words in (
                ("L=3", "layers 2 to L−1"),
                ("L=2", shallow),
                ("L>0", f"L−1, for L = 2 {shallow}"),
            ):
                selection = Selection(where=parse_where(where))
                assert words in STORE_FIGURES[name].collect(connection, selection, Options()).caption


def test_more_settings_than_panels_are_refused(connection: Connection, trained: Selection) -> None:
    setting = select_settings(connection, trained)[0]
    many = [replace(setting, row={**setting.row, "config": {**setting.row["config"], "lr": i}}) for i in range(13)]
    with pytest.raises(InputError, match="13 different settings"):
        PANELS.require(split_series(many), "spectra", connection, trained)


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


@pytest.mark.parametrize("width", [3.25, 5.5])
def test_long_small_print_has_the_height_that_is_kept_for_it(width: float) -> None:
    text = r"; ".join([r"K = 10, $\widetilde{M}_2$ (dashes), loss over DNC's"] * 20)
    with style():
        figure = Figure(figsize=(width, 6.0))
        caption(figure, text)
        drawn = figure._supxlabel.get_window_extent(FigureCanvasAgg(figure).get_renderer())  # type: ignore[attr-defined]
    assert drawn.y1 / figure.dpi <= captioned_height(text, width)
