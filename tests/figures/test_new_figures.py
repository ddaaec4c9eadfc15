"""A figure that differs in column and label alone is a few lines."""

from collections.abc import Iterator, Mapping
from statistics import fmean

import pytest
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures import Options, StoreFigure, render, style
from nccli.figures.against_setting import AgainstSetting
from nccli.figures.by_layer import ByLayer
from nccli.figures.scatter import Scatter
from nccli.figures.series import Values
from nccli.figures.setting_axis import LR, WD
from nccli.store import Selection, parse_where
from nccli.theory import Problem
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


class LossVsGradient(Scatter):
    """Loss over that of DNC against the norm of the gradient."""

    name, x, y = "loss-vs-gradient", "grad_norm", "ratio"
    columns = ("grad_norm", "loss", "loss_dnc")
    x_label, y_label = "gradient norm", "loss / DNC loss"
    nothing, lacking = "none of the runs has a gradient", "no gradient"

    def quantities(self, values: Mapping[str, Values]) -> Mapping[str, Values]:
        """The norm as it is, and the ratio of losses."""
        return {"grad_norm": values["grad_norm"], "ratio": values["loss"] / values["loss_dnc"]}

    def solutions(self, problem: Problem) -> Iterator[tuple[str, Mapping[str, float]]]:
        """DNC, which is stationary."""
        yield "DNC", {"grad_norm": 0.0, "ratio": 1.0}


NEW = [LossVsDecay(), GradientVsRate(), CollapseByLayer(), LossVsGradient()]


@pytest.mark.parametrize("figure", NEW, ids=lambda each: each.name)
def test_it_is_drawn_with_caption_and_notes(figure: StoreFigure, connection: Connection) -> None:
    everything = Selection(where=parse_where("kind=dufm"))
    drawn = figure.collect(connection, everything, Options())
    assert {label.split(",")[0] for label in drawn.series} == {"n = 1", "n = 2"}
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


def test_every_run_is_a_mark_and_every_solution_is_one_cross(connection: Connection, trained: Selection) -> None:
    runs = {row["id"]: (row["grad_norm"], row["loss"] / row["loss_dnc"]) for row in rows_of(connection, trained)}
    drawn = LossVsGradient().collect(connection, trained, Options())
    assert {row["run_ids"][0]: (row["grad_norm"], row["ratio"]) for row in drawn.of("run")} == runs
    assert [(row["series"], row["grad_norm"], row["ratio"]) for row in drawn.of("solution")] == [("DNC", 0.0, 1.0)]
    with style():
        (ax,) = LossVsGradient().draw(drawn, 5.5).axes
    marks = [point for line in ax.lines if line.get_marker() != "x" for point in map(tuple, line.get_xydata())]
    assert sorted(marks) == sorted(runs.values())
    assert [line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "x"] == [[[0.0, 1.0]]]


def test_it_says_what_runs_lack_and_which_command_makes_them(connection: Connection) -> None:
    diverged = Selection(where=parse_where("status=diverged"))
    for figure, lacking in ((LossVsDecay(), "a loss and a value of wd"), (CollapseByLayer(), "layers")):
        with pytest.raises(NothingFoundError, match=f"none of the runs has {lacking}"):
            figure.collect(connection, diverged, Options())
    made = LossVsDecay().command(parse_where("K=6 and width>3"), Options(store=" --store a.db"))
    assert made == "nccli train-dufm --K 6 --L 4 --wd 1e-3,2e-3,4e-3,8e-3 --seed 0..4 --store a.db"
