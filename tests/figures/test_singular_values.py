"""Trajectories show the singular values that the training kept, and the tolerance at which ranks end."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures import FIGURES, Options, render, style
from nccli.store import Selection, Store, parse_where, stack_history
from nccli.sweep import DufmTrainer, execute, plan_runs
from tests.figures.conftest import ids, small

FIGURE = FIGURES["singular-values"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two runs with their trajectories, and one without."""
    made = Store.create(str(tmp_path_factory.mktemp("kept") / "runs.db"))
    configs = [replace(small(5e-3, seed), steps=40) for seed in range(3)]
    execute(plan_runs(configs[:2], made, force=False), DufmTrainer("cpu", keep=frozenset({"trajectory"})), made)
    execute(plan_runs(configs[2:], made, force=False), DufmTrainer("cpu"), made)
    return made


@pytest.fixture
def opened(kept: Store) -> Iterator[Connection]:
    with kept.read() as connection:
        yield connection


def test_the_run_with_the_least_loss_of_those_that_kept_theirs_is_shown(opened: Connection) -> None:
    drawn = FIGURE.collect(opened, Selection(trained=True), Options())
    ((key,),) = {tuple(row["run_ids"]) for row in drawn.rows}
    history = stack_history(opened, [key])
    assert history.spectra is not None
    last = [row for row in drawn.of("singular value", layer=3, stage="post") if row["step"] == history.steps[-1]]
    assert [row["value"] for row in last] == history.spectra[0, -1, 4].tolist()
    assert drawn.notes[0] == "1 runs left out: not trained with --keep trajectory"


def test_the_tolerance_is_a_share_of_the_largest_value(opened: Connection) -> None:
    drawn = FIGURE.collect(opened, Selection(trained=True), Options(rank_rtol=0.1))
    largest = {(row["symbol"], row["step"]): row["value"] for row in drawn.of("singular value", index=1)}
    assert {(row["symbol"], row["step"]): row["value"] for row in drawn.of("tolerance")} == {
        place: pytest.approx(0.1 * value) for place, value in largest.items()
    }


def test_runs_that_are_named_are_shown_one_by_one_and_fit_the_page(opened: Connection) -> None:
    named = ids(opened, Selection(where=parse_where("seed<2")))
    drawn = FIGURE.collect(opened, Selection(ids=tuple(named)), Options())
    assert {label[:8] for label in drawn.values("series")} == {key[:8] for key in named}
    with style():
        assert render(FIGURE.draw(drawn, 3.25), "svg") == render(FIGURE.draw(drawn, 3.25), "svg")


def test_without_any_the_command_keeps_them(opened: Connection) -> None:
    with pytest.raises(NothingFoundError, match="--keep trajectory"):
        FIGURE.collect(opened, Selection(where=parse_where("seed=2")), Options())
    assert FIGURE.command((), Options()).endswith("--seed 0 --keep trajectory")
