"""Every kind of figure of the small store, by name."""

from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure
from sqlalchemy import Connection

from nccli.figures import (
    STORE_FIGURES,
    Options,
    PaperFigure,
    Part,
    collect_loss_ratio,
    draw_loss_ratio,
)
from nccli.store import Selection, parse_where, select_settings
from nccli.theory import Problem

COMPOSED = "composed"
NAMES = (*STORE_FIGURES, "loss-ratio", COMPOSED)
PAPER = PaperFigure(
    COMPOSED,
    "every kind of figure below each other",
    (Part(None, "closed form"), *(Part(figure, figure.name, "kind=dufm", "") for figure in STORE_FIGURES.values())),
)


def drawn_of(name: str, connection: Connection, runs: Selection) -> Any:
    if name == COMPOSED:
        return PAPER.collect(connection, replace(runs, where=parse_where("status=stopped")), Options())[0]
    if name == "loss-ratio":
        problems = [Problem.uniform(K, L, 5e-3) for K in range(4, 30) for L in (3, 4)]
        return collect_loss_ratio(problems, select_settings(connection, runs, ("loss",)))
    return STORE_FIGURES[name].collect(connection, runs, Options())


def figure_of(name: str, drawn: Any, width: float) -> Figure:
    if name == COMPOSED:
        return PAPER.draw(drawn, width)
    return draw_loss_ratio(drawn, width) if name == "loss-ratio" else STORE_FIGURES[name].draw(drawn, width)
