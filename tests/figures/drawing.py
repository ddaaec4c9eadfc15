"""Every kind of figure of the small store, by name."""

from dataclasses import replace

from matplotlib.figure import Figure
from sqlalchemy import Connection

from nccli.figures import FIGURES, Drawn, Options, PaperFigure, Part, Plot, StoreFigure
from nccli.store import Selection, parse_where
from nccli.theory import Problem

COMPOSED = "composed"
STORE_FIGURES = {name: figure for name, figure in FIGURES.items() if isinstance(figure, StoreFigure)}
PAPER_FIGURES = {name: figure for name, figure in FIGURES.items() if isinstance(figure, PaperFigure)}
_ALIKE = {"rank-vs-lr", "rank-vs-width", "rank-vs-K"}  # as rank-vs-wd, whose axis is log-scaled, or rank-vs-L
_OF_OTHER_RUNS = {"singular-values", "graph"}  # which the small store has not: tests of their own make them
NAMES = (*(name for name in STORE_FIGURES if name not in _ALIKE | _OF_OTHER_RUNS), "loss-ratio", COMPOSED)
_RATIO = FIGURES["loss-ratio"]
_PROBLEMS = tuple(Problem.uniform(K, L, 5e-3) for K in range(4, 30) for L in (3, 4))
_OF_EACH_KIND = ("rank-vs-wd", "training", "spectra", "gram", "landscape")
_PARTS = (Part(_RATIO, "closed form"), *(Part(STORE_FIGURES[name], name, "kind=dufm", "") for name in _OF_EACH_KIND))
PLOTS: dict[str, Plot] = {**STORE_FIGURES, "loss-ratio": _RATIO, COMPOSED: PaperFigure(COMPOSED, _PARTS)}
"""With a figure of every kind of figure below each other."""


def drawn_of(name: str, connection: Connection, runs: Selection) -> Drawn:
    if name == COMPOSED:
        runs = replace(runs, where=parse_where("status=stopped"))
    return PLOTS[name].collect(connection, runs, Options(problems=_PROBLEMS if name == "loss-ratio" else ()))


def figure_of(name: str, drawn: Drawn, width: float) -> Figure:
    return PLOTS[name].draw(drawn, width)
