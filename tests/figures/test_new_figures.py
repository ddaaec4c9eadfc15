"""A figure that differs in column and label alone is a few lines."""

from statistics import fmean

import pytest
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures import Options, StoreFigure, render, style
from nccli.figures.against_setting import LR, WD, AgainstSetting
from nccli.figures.by_layer import ByLayer
from nccli.store import Selection, parse_where
from tests.figures.conftest import rows_of


class LossVsDecay(AgainstSetting):
    """Loss at the end of training against weight decay."""

    name, axis, columns = "loss-vs-wd", WD, ("loss",)
    quantity = y_label = "loss"


class GradientVsRate(AgainstSetting):
    """Norm of the gradient at the end of training against the learning rate."""

    name, axis, columns = "grad-vs-lr", LR, ("grad_norm",)
    quantity, y_label = "gradient", "gradient norm"


class CollapseByLayer(ByLayer):
    """DNC1 layer by layer."""

    name, column, y_label = "dnc1-by-layer", "dnc1", "DNC1"


@pytest.mark.parametrize("figure", [LossVsDecay(), GradientVsRate(), CollapseByLayer()], ids=lambda each: each.name)
def test_it_is_drawn_with_caption_and_notes(figure: StoreFigure, connection: Connection) -> None:
    everything = Selection(where=parse_where("kind=dufm"))
    drawn = figure.collect(connection, everything, Options())
    assert drawn.values("series") == ["n = 1", "n = 2"] or figure.name == "dnc1-by-layer"
    assert ", 12 runs; " in drawn.caption
    assert any(note.startswith("1 runs left out: no ") for note in drawn.notes)
    with style():
        assert len(render(figure.draw(drawn, 5.5), "pdf")) > 5000


def test_its_points_are_means_of_the_column(connection: Connection, trained: Selection) -> None:
    loss = {row["id"]: row["loss"] for row in rows_of(connection, trained)}
    drawn = LossVsDecay().collect(connection, trained, Options())
    assert len(drawn.of("mean")) == 4
    for row in drawn.of("mean"):
        assert row["loss"] == pytest.approx(fmean(loss[key] for key in row["run_ids"]), rel=1e-14)
    assert {row["run_ids"][0]: row["loss"] for row in drawn.of("run")} == loss


def test_it_says_what_runs_lack_and_which_command_makes_them(connection: Connection) -> None:
    diverged = Selection(where=parse_where("status=diverged"))
    for figure, lacking in ((LossVsDecay(), "a loss and a value of wd"), (CollapseByLayer(), "layers")):
        with pytest.raises(NothingFoundError, match=f"none of the runs has {lacking}"):
            figure.collect(connection, diverged, Options())
    made = LossVsDecay().command(parse_where("K=6 and width>3"), Options(store=" --store a.db"))
    assert made == "nccli train-dufm --K 6 --L 4 --wd 1e-3,2e-3,4e-3,8e-3 --seed 0..4 --store a.db"
