"""Figures of means leave out runs that did not learn their classes, and say so; all figures can be asked by outcome."""

from dataclasses import replace

import pytest

from nccli.figures import Options, style
from nccli.store import Selection, Store, parse_where, save_run
from tests.figures.drawing import STORE_FIGURES
from tests.store.example_runs import example_layers, example_run

MEANS = ("rank-vs-wd", "spectra", "training", "effective-rank")


@pytest.fixture
def mixed(tmp_path) -> Store:  # type: ignore[no-untyped-def]  # pytest's tmp_path
    """Two runs that kept their classes, and one that lost some."""
    made = Store.create(str(tmp_path / "mixed.db"))
    for seed in range(2):
        save_run(made, example_run(seed, loss_dnc=0.4, loss_srg=0.3))
    save_run(made, example_run(2, layers=example_layers(2, rank=1), loss_dnc=0.4, loss_srg=0.3))
    return made


@pytest.mark.parametrize("name", MEANS)
def test_means_are_over_runs_that_learned_their_classes(mixed: Store, name: str) -> None:
    with mixed.read() as connection:
        drawn = STORE_FIGURES[name].collect(connection, Selection(), Options())
        whole = STORE_FIGURES[name].collect(connection, Selection(), Options(all_runs=True))
    (lost,) = {key for row in whole.rows for key in row["run_ids"]} - {
        key for row in drawn.rows for key in row["run_ids"]
    }
    assert lost == example_run(2).id
    assert ", 2 runs; " in drawn.caption
    assert drawn.caption.endswith("left out: 1 lost_classes")
    assert drawn.notes[0] == "1 run left out of means: 1 lost_classes (--all puts them back)"
    assert ", 3 runs; " in whole.caption
    assert "lost_classes" not in whole.caption


@pytest.mark.parametrize("name", MEANS)
def test_where_none_learned_them_all_are_drawn_and_it_is_said(mixed: Store, name: str) -> None:
    with mixed.read() as connection:
        asked = Selection(where=parse_where("outcome=lost_classes"))
        drawn = STORE_FIGURES[name].collect(connection, asked, Options())
    assert drawn.caption.endswith("; 1 lost_classes")
    assert drawn.notes[0] == "no run kept its classes, and all are drawn: 1 lost_classes"


def test_single_runs_are_told_with_their_outcome(mixed: Store) -> None:
    with mixed.read() as connection:
        drawn = STORE_FIGURES["landscape"].collect(connection, Selection(), Options())
        dots = STORE_FIGURES["rank-vs-wd"].collect(connection, Selection(), Options(all_runs=True))
    for rows in (drawn.of("run"), dots.of("run")):
        assert sorted(row["outcome"] for row in rows) == ["full_rank", "full_rank", "lost_classes"]


def test_shares_of_dnc_are_over_all_runs(mixed: Store) -> None:
    with mixed.read() as connection:
        drawn = STORE_FIGURES["dnc-share-vs-width"].collect(connection, Selection(), Options())
    assert {(row["outcome"], row["count"], row["runs"]) for row in drawn.of("share")} == {
        ("dnc", 0, 3),
        ("full_rank", 2, 3),
        ("lost_classes", 1, 3),
    }


def test_lost_runs_are_above_the_axis_of_landscape_and_counted(mixed: Store) -> None:
    with mixed.read() as connection:
        drawn = STORE_FIGURES["landscape"].collect(connection, Selection(), Options())
    ratios = {row["outcome"]: row["ratio"] for row in drawn.of("run")}
    far = [{**row, "ratio": 9.0} if row.get("outcome") == "lost_classes" else row for row in drawn.rows]
    with style():
        (ax,) = STORE_FIGURES["landscape"].draw(replace(drawn, rows=far), 5.5).axes
    assert ratios["full_rank"] < ax.get_ylim()[1] < 9.0
    assert [line.get_marker() for line in ax.lines].count("^") == 1


@pytest.mark.parametrize("name", ["dnc-share-vs-width", "outcomes"])
def test_what_captions_count_is_in_notes_and_data(name: str, mixed: Store) -> None:
    with mixed.read() as connection:
        drawn = STORE_FIGURES[name].collect(connection, Selection(), Options())
    assert "runs that did not learn their classes: 1 lost_classes" in drawn.notes
    assert drawn.counts["lost_classes"] == 1
