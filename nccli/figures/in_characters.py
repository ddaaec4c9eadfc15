"""A figure in characters, drawn by plotext (`nccli[text]`): its curves, points and bars, panel by panel."""

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

import numpy as np

from nccli.errors import InputError
from nccli.figures.style_sheet import GREY

_ROWS = 18
"""Lines of a panel: a taste, two of them fit a screen."""

_MARKS = "ox*+#v@%&$"
"""Of series, in their order."""

_LINE = "-"
"""Of theory."""

_NO_MARKS = ("|", "_", "None", "")
"""Markers of lines that show nothing of their own: ends of error bars."""

_DENSE = 60
"""Points across a bar: a taste, closer than characters lie."""

_ACCENTS = {"tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304", "hat": "\u0302"}
_SYMBOLS = {"lambda": "λ", "sigma": "σ", "times": "×", "pm": "±", "leq": "≤", "geq": "≥", "cdot": "·"}


def require_plotext() -> None:
    """Check that plotext is there.

    Raises:
        InputError: it is not installed.
    """
    try:
        import plotext  # noqa: F401
    except ImportError as error:
        raise InputError("--text draws with plotext, which is not installed: pip install 'nccli[text]'") from error


def figure_text(figure: Any, width: int) -> str:
    """A figure as lines of text.

    Args:
        figure: a settled matplotlib Figure.
        width: characters of a line.

    Raises:
        InputError: it has nothing that characters could show, as heat maps.
    """
    figure.canvas.draw()
    panels = [text for ax in figure.axes if (text := _panel(ax, width)) is not None]
    if not panels:
        raise InputError("--text draws curves, points and bars, and this figure has none: -o FILE.png, or --inline")
    return "\n\n".join(panels) + "\n"


def _panel(ax: Any, width: int) -> str | None:
    """One pair of axes; None where it shows an image, a colour bar or nothing."""
    from matplotlib.colors import to_hex
    from plotext import figure as plot
    from plotext import terminal

    series = list(_series(ax))
    if not series:
        return None
    grey = to_hex(GREY)
    colours = list(dict.fromkeys(colour for colour, *_ in series if colour != grey))
    marks = {colour: _MARKS[i % len(_MARKS)] for i, colour in enumerate(colours)} | {grey: _LINE}
    terminal.limit(False, False)  # else plotext cuts to what it takes for the terminal
    plot.clear()
    plot.plot_size(width, _ROWS)
    for colour, x, y, connected in sorted(series, key=lambda each: each[0] != grey):
        if len(x):
            plot.draw(plot.signal(list(x), list(y), marker=marks[colour]).lines(connected))
    for name, axis, place in (("x", ax.xaxis, 0), ("y", ax.yaxis, 1)):
        ruler = plot.ruler(axis=name)
        ruler.lim(0, 1)
        ticks = [(_place(ax, at, place), _plain(text.get_text())) for at, text in zip(*_ticks(axis), strict=True)]
        shown = [(at, text) for at, text in ticks if -1e-9 <= at <= 1 + 1e-9 and text]
        ruler.ticks([at for at, _ in shown], [text for _, text in shown])
    lines = [line.rstrip() for line in plot.build().string(colorless=True).rstrip("\n").split("\n")]
    title = "  ".join(filter(None, (_plain(ax.get_title()), _plain(ax.get_ylabel()))))
    below = [_plain(ax.get_xlabel()).center(width).rstrip(), *_legend(ax, marks), *_theory(ax)]
    told = [part for line in below for part in (wrap(line, width) if len(line) > width else [line])]
    return "\n".join([title[:width], *lines, *filter(None, told)])


def _series(ax: Any) -> Iterator[tuple[str, np.ndarray, np.ndarray, bool]]:
    """What is drawn: its colour, places as parts of the axes, and whether they are connected."""
    from matplotlib.collections import PathCollection
    from matplotlib.colors import to_hex, to_rgba
    from matplotlib.patches import Rectangle

    inside = ax.transAxes.inverted()
    for line in ax.get_lines():
        connected = line.get_linestyle() != "None"
        if line.get_visible() and (connected or line.get_marker() not in _NO_MARKS):
            at = inside.transform(line.get_transform().transform(line.get_xydata()))
            yield to_hex(line.get_color()), *_within(at), connected
    for points in ax.collections:
        if isinstance(points, PathCollection) and len(points.get_facecolor()):
            at = inside.transform(points.get_offset_transform().transform(points.get_offsets()))
            yield to_hex(tuple(np.asarray(points.get_facecolor())[0])), *_within(at), False
    for bar in ax.patches:
        if isinstance(bar, Rectangle) and bar.get_height() and bar.get_width() and to_rgba(bar.get_facecolor())[3]:
            (x0, y0), (x1, y1) = inside.transform(bar.get_transform().transform([(0, 0), (1, 1)]))
            across, up = (np.linspace(*ends, _DENSE)[1:-1] for ends in ((x0, x1), (y0, y1)))
            grid = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)
            yield to_hex(bar.get_facecolor()), *_within(grid), False


def _within(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those inside the panel, with a little room at its edge."""
    kept = places[np.isfinite(places).all(axis=1)]
    kept = kept[((kept > -0.01) & (kept < 1.01)).all(axis=1)]
    return np.clip(kept[:, 0], 0, 1), np.clip(kept[:, 1], 0, 1)


def _ticks(axis: Any) -> tuple[Sequence[float], Sequence[Any]]:
    places = axis.get_majorticklocs()
    return places, axis.get_majorticklabels()[: len(places)]


def _place(ax: Any, value: float, axis: int) -> float:
    """Where a value of an axis lies, as a part of it."""
    at = (value, ax.get_ylim()[0]) if axis == 0 else (ax.get_xlim()[0], value)
    return float(ax.transAxes.inverted().transform(ax.transData.transform(at))[axis])


def _legend(ax: Any, marks: dict[str, str]) -> list[str]:
    """Marks and what they are, of the legends of the panel and of the figure."""
    from matplotlib.colors import to_hex

    found: dict[str, str] = {}
    for legend in filter(None, (ax.get_legend(), *ax.get_figure(root=True).legends, *ax.get_figure().legends)):
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=False):
            shown = next(iter(handle.get_children()), handle) if not hasattr(handle, "get_color") else handle
            face = getattr(shown, "get_color", getattr(shown, "get_facecolor", None))
            colour = None if face is None else np.asarray(face(), dtype=object)
            if colour is not None and colour.size:
                name = to_hex(colour[0] if colour.ndim == 2 else tuple(colour) if colour.ndim else str(colour))
                if name in marks:
                    found.setdefault(name, _plain(text.get_text()))
    told = "   ".join(f"{marks[colour]} {text}" for colour, text in found.items())
    return [told] if told else []


def _theory(ax: Any) -> list[str]:
    """Names of lines of theory, from the top."""
    lines = [each for each in ax.texts if getattr(each, "xycoords", "") == ("axes fraction", "data")]
    names = [_plain(each.get_text()) for each in sorted(lines, key=lambda each: -each.xy[1])]
    return [f"{_LINE} from the top: {'; '.join(names)}"] if names else []


def _plain(text: str) -> str:
    """Text without the markup of formulas: "$10^{-3}$" as 1e-3, a symbol with its index."""
    if "$" not in text and "\\" not in text:
        return text
    text = re.sub(r"\\(?:mathdefault|mathrm|mathregular|mathbf|text)\s*", "", text.replace("$", ""))
    text = re.sub(r"\{?10\^\{?([-−]?\d+)\}?\}?", lambda found: f"1e{found[1]}".replace("−", "-"), text)
    text = re.sub(r"\\(\w+)\s*\{?(\w)\}?", _accented, text)
    text = re.sub(r"\\([A-Za-z]+)", lambda found: _SYMBOLS.get(found[1], found[1]), text)
    return re.sub(r"[{}_\\]", "", text)


def _accented(found: re.Match[str]) -> str:
    return found[2] + _ACCENTS[found[1]] if found[1] in _ACCENTS else found[0]
