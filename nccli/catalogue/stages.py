"""Layers and stages of the L-DUFM, and which of them are hidden."""

from enum import StrEnum
from typing import NamedTuple


class When(StrEnum):
    """Before or after the activation: M̃_l or M_l."""

    PRE = "pre"
    POST = "post"


class Stage(NamedTuple):
    """A layer l in 1..L at a stage, "pre" or "post", as a key."""

    layer: int
    stage: str


def stages(L: int) -> tuple[Stage, ...]:
    """All of them in the order of every table: (1, post), (2, pre), (2, post), …, (L, post)."""
    later = (Stage(layer, when.value) for layer in range(2, L + 1) for when in When)
    return (Stage(1, When.POST.value), *later)


def hidden_layers(L: int) -> tuple[Stage, ...]:
    """The stages whose ranks agree in a low-rank solution: M_l for l = 2..L−1, for L = 2 the pre-activation M̃_2."""
    return tuple(Stage(layer, When.POST.value) for layer in range(2, L)) or (Stage(2, When.PRE.value),)


def deciding_layers(L: int) -> tuple[Stage, ...]:
    """The stages that say what structure and outcome a run has: M_l for l = 2..L−1, for L = 2 M_2, where DNC shows.

    A run of a single layer, which somebody measured, has only that.
    """
    return tuple(Stage(layer, When.POST.value) for layer in range(min(L, 2), max(L, min(L, 2) + 1)))
