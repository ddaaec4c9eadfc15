"""The figures of a report: those of `nccli plot` that the runs have, as SVG that can stand in a page beside others."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from html import escape

import matplotlib as mpl
from sqlalchemy import Connection

from nccli.errors import InputError, NothingFoundError
from nccli.figures import FIGURES, Drawn, Options, PaperFigure, Plot, render, style
from nccli.figures.along_setting import AlongSetting
from nccli.report.contents import Picture
from nccli.store import Comparison, Selection, mixed_columns, names_ends, select_settings

_WIDTH = 6.8
"""Inches of a figure: a taste, for a page of some 1000 pixels with two of them beside each other."""

_MANY = 4
"""Settings that a figure of a report shows at most, but along an axis of settings: a taste, more take pages."""

_LARGEST = 500_000
"""Characters of one figure: a bound, so that none takes the room of all others."""

_DOTS = 110
"""An inch, of such an image: a taste."""

_TRIM = re.compile(r"(-?\d+\.\d\d)\d+")
"""Digits below a hundredth of a point, which nobody sees."""

_IDS = re.compile(r'(\bid="|url\(#|href="#)')
_HIDDEN = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_SHAPES = re.compile(r'(?<= d=")[^"]*')


def draw_pictures(
    connection: Connection,
    chosen: Selection,
    rank_rtol: float,
    told: Callable[[Plot, Sequence[Comparison]], str],
    room: int,
) -> Iterator[tuple[str, Picture | str]]:
    """The figures in the order of the catalogue, but for those of the paper and those that need no runs.

    Each shows what `nccli plot` shows of the runs; where these have more settings than fit, those of the commonest one.

    Args:
        connection: to the store.
        chosen: runs of any kind.
        rank_rtol: tolerance of ranks.
        told: the command that draws a figure again, of runs that such conditions narrow further.
        room: characters of all figures; those that do not fit are images, or left out.

    Yields:
        Name, and the picture, or why there is none.
    """
    chosen = replace(chosen, plain=chosen.ids is None and not names_ends(chosen.where))
    every = chosen.ids is None and not chosen.where
    options = Options(rank_rtol=rank_rtol)
    single = cache(lambda trained: _commonest(connection, trained))
    for name, figure in FIGURES.items():
        if isinstance(figure, PaperFigure) or figure.grid is not None:
            continue
        selected = replace(chosen, trained=every and not figure.any_kind)
        narrowed: tuple[Comparison, ...] = ()
        try:
            try:
                drawn = figure.collect(connection, selected, options)
                if len(drawn.series) > _MANY and not isinstance(figure, AlongSetting):
                    raise InputError(f"{len(drawn.series)} settings")
            except InputError:  # too many settings for one figure
                narrowed = single(selected)
                drawn = figure.collect(connection, replace(selected, where=(*selected.where, *narrowed)), options)
            _require_worth(figure, drawn)
            markup = _markup(figure, drawn, min(room, _LARGEST))
            room -= len(markup)
            yield name, Picture(name, figure.summary, markup, told(figure, narrowed), drawn.notes)
        except (NothingFoundError, InputError) as error:
            yield name, str(error).split("\n", maxsplit=1)[0].removeprefix(f"{name}: ")


def _commonest(connection: Connection, selection: Selection) -> tuple[Comparison, ...]:
    """Conditions that only the runs of one setting meet: of those with the most runs, the first by its values."""
    settings = select_settings(connection, selection)
    apart = [name for name in mixed_columns(connection, selection, ()) if "." not in name and name != "finish"]
    most = max((len(each.ids) for each in settings), default=0)
    apart += ["kind"] if selection.trained else []  # conditions on the command line are about all kinds
    rows = [each.row for each in settings if len(each.ids) == most]
    if not rows:
        return ()
    row = min(rows, key=lambda row: [(row[name] is None, row[name]) for name in apart])
    return tuple(Comparison(name, "=", row[name]) for name in apart if row[name] is not None)


def _require_worth(figure: Plot, drawn: Drawn) -> None:
    """Refuse a figure along a setting of which all runs have the same value."""
    if isinstance(figure, AlongSetting):
        axis = figure.axis.column
        places = {row[axis] for row in drawn.rows if row["what"] == figure.what}
        if len(places) < 2:
            raise NothingFoundError(f"all runs have the same {axis}")


def _markup(figure: Plot, drawn: Drawn, most: int) -> str:
    """SVG, or an image where that takes more than so many characters.

    Raises:
        InputError: both take more.
    """
    with style():
        svg = inline(render(figure.draw(drawn, _WIDTH), "svg").decode(), figure.name)
        if len(svg) <= most:
            return svg
        mpl.rcParams["savefig.dpi"] = _DOTS
        image = base64.b64encode(render(figure.draw(drawn, _WIDTH), "png")).decode()
    if len(image) > most:
        raise InputError("it is too large for a report: nccli plot draws it")
    return f'<img alt="{escape(figure.summary)}" src="data:image/png;base64,{image}">'


def inline(svg: str, prefix: str) -> str:
    """A figure's SVG as a part of a page.

    Without declaration and metadata, with coordinates to a hundredth of a point, and with ids that are its own: several
    figures in one page would take each other's clips and letters.
    """
    body = _HIDDEN.sub("", svg[svg.index("<svg") :])
    shorter = _SHAPES.sub(lambda shape: " ".join(_TRIM.sub(r"\1", shape[0]).split()), body)
    return _IDS.sub(lambda found: f"{found[0]}{prefix}-", shorter).replace("<svg ", '<svg role="img" ', 1)


def pictures_of(drawn: Iterable[tuple[str, Picture | str]]) -> tuple[list[Picture], dict[str, str]]:
    """The figures that are there, and why the others are not."""
    found = list(drawn)
    there = [each for _, each in found if isinstance(each, Picture)]
    return there, {name: each for name, each in found if isinstance(each, str)}
