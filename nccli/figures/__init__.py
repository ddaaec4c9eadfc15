"""Every figure by query: rows from the store in, a matplotlib Figure out. One module a figure."""

from nccli.figures.dnc_share import DncShareVsWidth, wilson_interval
from nccli.figures.effective_rank import EffectiveRank
from nccli.figures.figure import Drawn, Options, StoreFigure
from nccli.figures.heat_maps import HEAT_MAPS
from nccli.figures.loss_ratio import LOSS_RATIO, LOSS_RATIO_SUMMARY, collect_loss_ratio, draw_loss_ratio
from nccli.figures.paper import PaperFigure, Part
from nccli.figures.paper_list import PAPER_FIGURES
from nccli.figures.rank_vs import RANK_FIGURES
from nccli.figures.rendering import FIGURE_FORMATS, render
from nccli.figures.spectra import Spectra
from nccli.figures.style_sheet import WIDTHS, parse_width, style
from nccli.figures.training import Training

STORE_FIGURES: dict[str, StoreFigure] = {
    figure.name: figure
    for figure in (*RANK_FIGURES, DncShareVsWidth(), Training(), Spectra(), EffectiveRank(), *HEAT_MAPS)
}
"""Figures of stored runs by name."""

__all__ = [
    "FIGURE_FORMATS",
    "LOSS_RATIO",
    "LOSS_RATIO_SUMMARY",
    "PAPER_FIGURES",
    "STORE_FIGURES",
    "WIDTHS",
    "Drawn",
    "Options",
    "PaperFigure",
    "Part",
    "StoreFigure",
    "collect_loss_ratio",
    "draw_loss_ratio",
    "parse_width",
    "render",
    "style",
    "wilson_interval",
]
