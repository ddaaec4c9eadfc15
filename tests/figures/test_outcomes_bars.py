"""Bars of outcomes count every run once, by setting and along any setting."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures import FIGURES, Options, render, style
from nccli.store import Selection, Store, parse_where, save_run
from tests.figures.conftest import rows_of
from tests.figures.drawing import STORE_FIGURES
from tests.store.example_runs import example_layers, example_run


@pytest.mark.parametrize(("x", "bars"), [("", 4), ("wd", 4), ("n", 4)])
def test_every_run_is_counted_once_under_its_outcome(
    x: str, bars: int, connection: Connection, trained: Selection
) -> None:
    rows = FIGURES["outcomes"].adapted(Options(x=x)).collect(connection, trained, Options()).of("outcome")
    counted: Counter[str] = Counter()
    for row in rows:
        counted[row["outcome"]] += row["count"]
        assert row["count"] == len(row["run_ids"])
    assert counted == Counter(row["outcome"] for row in rows_of(connection, trained))
    assert len({(row["series"], row.get(x)) for row in rows}) == bars


def test_areas_are_as_long_as_counts(connection: Connection, trained: Selection) -> None:
    drawn = STORE_FIGURES["outcomes"].collect(connection, trained, Options())
    with style():
        (ax,) = STORE_FIGURES["outcomes"].draw(drawn, 5.5).axes
        lengths = sorted(bar.get_width() for bar in ax.patches if bar.get_facecolor()[3] > 0)
    settled = [row["count"] - row["unsettled"] for row in drawn.rows] + [row["unsettled"] for row in drawn.rows]
    assert lengths == sorted(length for length in settled if length)


def test_lost_runs_are_told_in_caption_note_and_data(tmp_path: Path) -> None:
    made = Store.create(str(tmp_path / "mixed.db"))
    save_run(made, example_run(0))
    save_run(made, example_run(1, layers=example_layers(1, rank=1)))
    with made.read() as connection:
        drawn = STORE_FIGURES["outcomes"].collect(connection, Selection(), Options())
    assert "runs that did not learn their classes: 1 lost_classes" in drawn.notes
    assert {"what": "count", "of": "lost_classes", "runs": 1, "run_ids": []} in drawn.counted


def test_runs_without_layers_have_no_bar(connection: Connection) -> None:
    nothing = Selection(where=parse_where("kind=dufm and outcome=srg and outcome=dnc"))
    with pytest.raises(NothingFoundError):
        STORE_FIGURES["outcomes"].collect(connection, nothing, Options())


def test_it_is_drawn_along_a_setting_the_same_to_the_byte(connection: Connection, trained: Selection) -> None:
    figure = FIGURES["outcomes"].adapted(Options(x="wd"))
    drawn = figure.collect(connection, trained, Options())
    with style():
        first, again = (render(figure.draw(drawn, 5.5), "svg") for _ in range(2))
    assert first == again
