"""Stacked shares of outcomes: they fill a bar, say what has not settled, and are told apart without colour."""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from nccli.figures import Drawn, Options, wilson_interval
from nccli.figures import style as style_sheet
from nccli.figures.plots.dnc_share import DncShareVsWidth
from nccli.figures.style_sheet import FILLS

FIGURE = DncShareVsWidth()
Shares = Callable[..., Drawn]


def rows(series: str, width: int, counts: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """By outcome how many runs, and how many of them have not settled."""
    counts = {"dnc": (0, 0), **counts}
    runs = sum(count for count, _ in counts.values())
    categories = {"dnc": "DNC", "srg": "SRG", "low_rank": "low rank", "full_rank": "full rank", "zero": "lost classes"}
    categories["lost_classes"] = "lost classes"
    found = []
    for outcome, (count, unsettled) in counts.items():
        low, high = wilson_interval(count, runs) if outcome == "dnc" else (None, None)
        about = {"category": categories.get(outcome, "other structures"), "outcome": outcome, "share": count / runs}
        numbers = {"low": low, "high": high, "count": count, "runs": runs, "unsettled": unsettled, "unknown": 0}
        found.append({"what": "share", "series": series, "width": width, **about, **numbers, "run_ids": []})
    return found


SOME = {"dnc": (8, 2), "srg": (1, 0), "low_rank": (7, 7), "zero": (1, 0), "lost_classes": (3, 1)}


def drawn_of(widths: Sequence[int], panels: int = 1, counts: dict[str, tuple[int, int]] | None = None) -> Drawn:
    """So many widths and settings with long names."""
    names = [f"λ = {i / 1000}, lr = 0.123456, nesterov, schedule = step:0.1@0.5,0.75" for i in range(panels)]
    shares = [row for name in names for width in widths for row in rows(name, width, counts or SOME)]
    return Drawn(shares, "K = 10, L = 4")


def areas(ax: Axes) -> list[Rectangle]:
    """What is filled, without the hatches on it."""
    return [each for each in ax.patches if isinstance(each, Rectangle) and each.get_facecolor()[3] > 0]


def hatched(ax: Axes) -> float:
    return sum(
        each.get_height() for each in ax.patches if isinstance(each, Rectangle) and "/" in (each.get_hatch() or "")
    )


def test_shares_fill_every_bar_and_the_hatched_part_is_what_has_not_settled() -> None:
    with style_sheet():
        (ax,) = FIGURE.draw(drawn_of([10, 30]), 5.5).axes
    for place in (0, 1):
        own = [each for each in areas(ax) if round(each.get_x() + each.get_width() / 2) == place]
        ends = sorted((each.get_y(), each.get_y() + each.get_height()) for each in own)
        assert ends[0][0] == 0.0
        assert [low for low, _ in ends[1:]] == pytest.approx([high for _, high in ends[:-1]])
        assert ends[-1][1] == pytest.approx(1.0)
    assert hatched(ax) == pytest.approx(2 * (2 + 7 + 1) / 20)


def test_the_share_of_dnc_begins_at_zero_and_its_interval_is_around_its_end() -> None:
    with style_sheet():
        (ax,) = FIGURE.draw(drawn_of([10, 30]), 5.5).axes
    dots = [tuple(line.get_xydata()[0]) for line in ax.lines if line.get_marker() == "o" and len(line.get_xydata())]
    assert dots == [(0.0, 0.4), (1.0, 0.4)]
    bars = [part.get_segments()[0][:, 1] for part in ax.collections if getattr(part, "get_segments", list)()]
    assert any(tuple(bar) == pytest.approx(wilson_interval(8, 20)) for bar in bars)


@pytest.mark.parametrize(
    ("counts", "names"),
    [
        (SOME, ["DNC", "SRG", "low rank", "lost classes", "not settled", "DNC: 95 % interval"]),
        ({"dnc": (3, 0)}, ["DNC", "DNC: 95 % interval"]),
        ({"petersen": (3, 0)}, ["DNC", "petersen", "DNC: 95 % interval"]),
        ({"petersen": (3, 0), "square": (1, 0)}, ["DNC", "other structures", "DNC: 95 % interval"]),
    ],
)
def test_the_legend_names_all_that_is_drawn_and_nothing_else(
    counts: dict[str, tuple[int, int]], names: list[str]
) -> None:
    with style_sheet():
        (legend,) = FIGURE.draw(drawn_of([10, 30], counts=counts), 5.5).legends
    assert [text.get_text() for text in legend.get_texts()] == names


def test_areas_are_told_apart_without_colour() -> None:
    def lightness(look: dict[str, Any]) -> float:
        red, green, blue = to_rgb(look["facecolor"])
        return 0.299 * red + 0.587 * green + 0.114 * blue

    for a, b in combinations(FILLS, 2):
        assert a["hatch"] != b["hatch"] or abs(lightness(a) - lightness(b)) > 0.1


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("width", [3.25, 5.5])
def test_bars_and_intervals_of_many_widths_have_room(count: int, width: float) -> None:
    drawn = drawn_of([4 + 7 * i for i in range(count)], panels=3)
    with style_sheet():
        figure = FIGURE.draw(drawn, width)
        figure.draw_without_rendering()
        boxes = [ax.get_window_extent() for ax in figure.axes if ax.get_visible()]
        ticks = [
            [label.get_window_extent() for label in ax.get_xticklabels()] for ax in figure.axes if ax.get_visible()
        ]
        page = figure.get_tightbbox()
    assert len(boxes) == 3
    assert all(box.height / figure.dpi > 0.9 for box in boxes)
    assert all(box.width / count / figure.dpi > 0.1 for box in boxes)
    for labels in ticks:
        assert all(left.x1 < right.x0 for left, right in pairwise(labels))
    assert (page.x0 >= -0.01, page.x1 <= width + 0.01) == (True, True)


def test_a_caption_says_what_one_area_holds(tmp_path: Path) -> None:
    from nccli.store import Selection, Store, save_run
    from tests.store.example_runs import example_layers, example_run

    made = Store.create(str(tmp_path / "runs.db"))
    nothing = [layer.with_values(rank=0, classes_kept=0) for layer in example_layers(1)]
    save_run(made, example_run(0, layers=example_layers(0, rank=1)))
    save_run(made, example_run(1, layers=nothing))
    with made.read() as connection:
        caption = FIGURE.collect(connection, Selection(), Options()).caption
    assert caption.endswith("with its 95 % Wilson interval; lost classes: 1 zero, 1 lost_classes")


def test_runs_of_other_imbalance_are_bars_of_one_panel_where_that_is_the_axis() -> None:
    figure = FIGURE.adapted(Options(x="imbalance"))
    assert figure.axis.column == "imbalance"
    assert set(figure.varied) == {"imbalance", "class_counts"}
    assert "--imbalance" in figure.command([], Options(x="imbalance"))
    assert FIGURE.adapted(Options()) is FIGURE
