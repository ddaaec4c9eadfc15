"""Layers in figures: which are shown, and how they are written."""

import re
from collections.abc import Iterable, Sequence

from nccli.catalogue.stages import Stage
from nccli.figures.figure import Row
from nccli.figures.marks import Look
from nccli.figures.series import Series
from nccli.figures.style_sheet import layer_look

BEFORE = " before σ"
"""Behind a layer's name, where it is meant before its activation."""


def shown_stages(L: int) -> list[Stage]:
    """M_1, …, M_{L−1}, Mt_L, M_L: before the last layer the activation of a low-rank solution changes nothing."""
    return [*(Stage(layer, "post") for layer in range(1, L)), Stage(L, "pre"), Stage(L, "post")]


def hidden_words(series: Sequence[Series]) -> str:
    """Which layers are the hidden ones of such runs."""
    return _words(series, r"$\widetilde{M}_2$")


def deciding_words(series: Sequence[Series]) -> str:
    """Which layers decide what structure and outcome such runs have."""
    return _words(series, "$M_2$")


def _words(series: Sequence[Series], shallow: str) -> str:
    depths = {each.row["L"] == 2 for each in series}
    usual = "layers 2 to L−1"
    return shallow if depths == {True} else usual if depths == {False} else f"{usual}, for L = 2 {shallow}"


def class_means_symbol(stage: Stage) -> str:
    """M_l or M̃_l, as the paper writes it."""
    return rf"$\widetilde{{M}}_{{{stage.layer}}}$" if stage.stage == "pre" else f"$M_{{{stage.layer}}}$"


_SYMBOL = re.compile(r"\$(\\widetilde\{)?[HM]\}?_\{(\d+)\}\$")


def layer_words(symbol: str) -> str:
    """What the symbols of features and of class means of a layer have in common; other words as they are."""
    found = _SYMBOL.fullmatch(symbol)
    return symbol if found is None else f"layer {found[2]}" + (BEFORE if found[1] else "")


def looks_of_layers(rows: Iterable[Row]) -> dict[str, Look]:
    """By symbol the looks of the layers that rows are of, which are those of every figure of so many layers."""
    places = {row["symbol"]: (row["layer"], row["stage"] == "pre") for row in rows}
    L = max((layer for layer, _ in places.values()), default=1)
    return {symbol: layer_look(layer, L, before) for symbol, (layer, before) in places.items()}


def features_symbol(stage: Stage) -> str:
    """H_l or H̃_l, as the paper writes it."""
    return rf"$\widetilde{{H}}_{{{stage.layer}}}$" if stage.stage == "pre" else f"$H_{{{stage.layer}}}$"
