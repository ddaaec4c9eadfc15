"""Figures as bytes: the same figure gives the same bytes, whenever and wherever."""

import io

from matplotlib.figure import Figure

from nccli.errors import InputError

FIGURE_FORMATS = ("pdf", "svg", "png")

_NO_DATES: dict[str, dict[str, None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}


def render(figure: Figure, format: str) -> bytes:
    """Draw a figure, inside `style`, without date and with fonts that can be edited and embedded (no Type 3).

    Raises:
        InputError: a format that is not one of `FIGURE_FORMATS`.
    """
    if format not in FIGURE_FORMATS:
        raise InputError(f"figure format '{format}': must be one of {', '.join(FIGURE_FORMATS)}")
    out = io.BytesIO()
    figure.savefig(out, format=format, metadata=_NO_DATES[format])
    return out.getvalue()
