"""The gallery has every run once, with those of its solution, in order of loss."""

from sqlalchemy import Connection

from nccli.figures import FIGURES, Options, render, style
from nccli.store import Selection
from tests.figures.conftest import ids, rows_of


def test_every_run_is_at_one_solution_whose_losses_are_its_own(connection: Connection, collapsed: Selection) -> None:
    drawn = FIGURES["gallery"].collect(connection, collapsed, Options())
    solutions = {row["solution"]: row for row in drawn.rows}
    assert sorted(key for row in solutions.values() for key in row["run_ids"]) == sorted(ids(connection, collapsed))
    ratios = {row["id"]: row["loss"] / row["loss_dnc"] for row in rows_of(connection, collapsed)}
    for best, row in solutions.items():
        own = [ratios[key] for key in row["run_ids"]]
        assert (row["ratio"], row["highest_ratio"], row["runs"]) == (min(own), max(own), len(own))
        assert ratios[best] == min(own)


def test_panels_are_square_and_the_same_to_the_byte(connection: Connection, collapsed: Selection) -> None:
    figure = FIGURES["gallery"]
    drawn = figure.collect(connection, collapsed, Options())
    with style():
        page = figure.draw(drawn, 5.5)
        first, again = render(page, "svg"), render(figure.draw(drawn, 5.5), "svg")
        boxes = [ax.get_window_extent() for ax in page.axes if ax.get_visible()]
    assert first == again
    assert all(abs(box.width - box.height) < 0.5 for box in boxes)
