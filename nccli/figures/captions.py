"""The small print below a figure: what it is of, and how high that makes a figure."""

import textwrap
from collections.abc import Mapping
from dataclasses import replace

from matplotlib.figure import FigureBase

from nccli.figures.layouts import Layout
from nccli.figures.style_sheet import GREY
from nccli.figures.text import inches_of, lines_of, typeset

_SMALL_LINE, _LEADING = 0.125, 1.28
"""Inches of a line of 7 pt, and the space between lines in heights of the font, which are 0.0972 in: a measurement."""


def caption(figure: FigureBase, text: str) -> None:
    """Small print below a figure or a part of one: settings and number of runs."""
    shown = typeset(_small_print(text, inches_of(figure)))
    figure.supxlabel(shown, fontsize=7, color=GREY, x=0.01, ha="left", linespacing=_LEADING)


def captioned(plan: Layout, text: str) -> Layout:
    """A layout with as much more height as the small print needs; it has room for two lines."""
    more = _SMALL_LINE * max(0, lines_of(_small_print(text, plan.width)) - 2)
    return replace(plan, height=plan.height + more)


def captioned_height(text: str, width: float) -> float:
    """Inches of small print with the room above it; 0 of none."""
    return _SMALL_LINE * (lines_of(_small_print(text, width)) + 1) if text else 0.0


def one_caption(captions: Mapping[str, str]) -> str:
    """The captions of parts in one: every clause once, behind the letters of the panels that it is about if not all."""
    settings = {letters: text.split("; ")[0].split(", ") for letters, text in captions.items()}
    shared = [item for item in next(iter(settings.values()), []) if all(item in own for own in settings.values())]
    about: dict[str, list[str]] = {}
    for letters, text in captions.items():
        settings_left = ", ".join(item for item in settings[letters] if item not in shared)
        for clause in filter(None, (settings_left, *text.split("; ")[1:])):
            about.setdefault(clause, []).append(letters)
    said, every = ", ".join(shared), list(captions)
    before = every
    for clause, own in about.items():
        told = "" if own == before else "(all) " if own == every else f"({', '.join(own)}) "
        said, before = f"{said}; {told}{clause}" if said else f"{told}{clause}", own
    return said


def _small_print(text: str, width: float) -> str:
    return "\n".join(textwrap.wrap(text, int(width * 24), break_long_words=False))
