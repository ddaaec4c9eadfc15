"""Figures by name, of shared parts: runs or closed forms in, a matplotlib Figure out. A module a figure in `plots`."""

from nccli.figures.figure import Drawn, Options, PanelFigure, Plot
from nccli.figures.latex import latex_caption
from nccli.figures.paper_figure import PaperFigure, Part
from nccli.figures.registry import FIGURES
from nccli.figures.rendering import FIGURE_FORMATS, render, settle
from nccli.figures.statistics import wilson_interval
from nccli.figures.store_figure import StoreFigure
from nccli.figures.style_sheet import style
from nccli.figures.widths import parse_width

__all__ = [
    "FIGURES",
    "FIGURE_FORMATS",
    "Drawn",
    "Options",
    "PanelFigure",
    "PaperFigure",
    "Part",
    "Plot",
    "StoreFigure",
    "latex_caption",
    "parse_width",
    "render",
    "settle",
    "style",
    "wilson_interval",
]
