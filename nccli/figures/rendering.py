"""Figures as bytes: the same figure gives the same bytes, whenever and wherever."""

import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase, SubFigure

from nccli.errors import InputError

FIGURE_FORMATS = ("pdf", "svg", "png")

_DIGITS = 6
"""Of places, as parts of the figure: a millionth of a page is not seen, and the solver's last digits are gone."""

LEAST_AXES = 1.0
"""Inches; taste: narrower axes have no room for two ticks. Heat maps and colour bars have none along, and may be."""

_TEXTS = ("_suptitle", "_supxlabel", "_supylabel")
_NO_DATES: dict[str, dict[str, None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}


def render(figure: Figure, format: str) -> bytes:
    """Draw a figure, inside `style`, without date and with fonts that can be edited and embedded (no Type 3).

    Raises:
        InputError: a format that is not one of `FIGURE_FORMATS`, or a figure that is too narrow for its panels.
    """
    if format not in FIGURE_FORMATS:
        raise InputError(f"figure format '{format}': must be one of {', '.join(FIGURE_FORMATS)}")
    settle(figure)
    out = io.BytesIO()
    figure.savefig(out, format=format, metadata=_NO_DATES[format])
    return out.getvalue()


def settle(figure: Figure, page: bool = True) -> None:
    """Fix the layout, rounded: its solver's last digits depend on where in memory its variables lie.

    Args:
        figure: to be laid out.
        page: whether it is all of a page; of a part of one the axes are measured with the page.

    Raises:
        InputError: titles, labels and legends leave the panels no room, or axes of a page less than an inch.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "constrained_layout not applied", UserWarning)
            try:
                engine.execute(figure)
            except UserWarning as error:
                inches = figure.get_figwidth()
                raise InputError(f"--width {inches:g}: the panels of this figure need more than that") from error
    if page:
        _require_room(figure)
    figure.set_layout_engine(None)  # "none" would leave an engine that makes savefig draw everything twice
    for part in _parts(figure):
        if isinstance(part, SubFigure):
            place: Any = part.bbox_relative
            place.p0, place.p1 = np.round(place.p0, _DIGITS), np.round(place.p1, _DIGITS)
        axes: list[Axes] = list(part.axes)
        for ax in axes:
            left, bottom, width, height = np.round(ax.get_position(original=True).bounds, _DIGITS).tolist()
            ax.set_position((left, bottom, width, height))
        for text in _texts(part):
            text.set_position(np.round(text.get_position(), _DIGITS))


def _require_room(figure: Figure) -> None:
    """Refuse axes that are too narrow for what is read off them."""
    inches = figure.get_figwidth()
    axes: list[Axes] = [ax for part in _parts(figure) for ax in part.axes]
    measured = [
        ax.get_position(original=True).width * ax.figure.bbox.width / figure.dpi
        for ax in axes
        if ax.get_visible() and not ax.images and ax.get_label() != "<colorbar>" and ax.axison
    ]
    if measured and min(measured) < LEAST_AXES:
        raise InputError(
            f"--width {inches:g}: axes would be {min(measured):.2f} in wide, and have to be {LEAST_AXES:g}: "
            f"a larger --width, or fewer settings (--where), make room"
        )


def take_layout(target: FigureBase, source: Figure) -> None:
    """Give a part of a figure the layout of a settled figure of the same size and content."""
    assert isinstance(target, Figure | SubFigure)
    axes: list[Axes] = list(target.axes)
    for own, other in zip(axes, source.axes, strict=True):
        own.set_position(other.get_position(original=True))
        own.set_in_layout(True)
    for text, model in zip(_texts(target), _texts(source), strict=True):
        text.set_position(model.get_position())


def _texts(part: FigureBase) -> list[Any]:
    return [text for name in _TEXTS if (text := getattr(part, name)) is not None]


def _parts(figure: Figure | SubFigure) -> Iterator[Figure | SubFigure]:
    yield figure
    for part in figure.subfigs:
        yield from _parts(part)
