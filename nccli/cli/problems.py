"""From the options of a grid to problems."""

import random
import time
from collections.abc import Callable, Sequence

from nccli.catalogue.options import ActivationName, ObjectiveName
from nccli.cli.class_sizes import parse_class_counts, parse_imbalance
from nccli.errors import InputError
from nccli.sweep import ProblemGrid, parse_floats, parse_integers, parse_words
from nccli.theory import Problem


def problem_grid(
    K: str,
    L: str,
    n: str,
    wd: str,
    wd_h1: str | None,
    wd_layers: Sequence[str] | None,
    loss: str = ObjectiveName.MSE.value,
    activation: str = ActivationName.RELU.value,
    class_counts: Sequence[str] | None = None,
    imbalance: str | None = None,
) -> ProblemGrid:
    """Parse the options that make problems.

    Raises:
        InputError: a malformed list, or an objective or activation without closed forms.
    """
    activations = parse_words(activation, "--activation", CLOSED_ACTIVATIONS)
    return ProblemGrid(
        K=parse_integers(K, "--K"),
        L=parse_integers(L, "--L"),
        n=parse_integers(n, "--n"),
        wd=parse_floats(wd, "--wd"),
        wd_h1=None if wd_h1 is None else parse_floats(wd_h1, "--wd-h1"),
        wd_layers=parse_layers(wd_layers),
        objective=parse_words(loss, "--loss", tuple(ObjectiveName)),
        linear=[each == ActivationName.LINEAR for each in activations],
        class_counts=parse_class_counts(class_counts),
        imbalance=parse_imbalance(imbalance),
    )


CLOSED_ACTIVATIONS = (ActivationName.RELU.value, ActivationName.LINEAR.value)
"""Those that closed forms are of."""


def parse_layers(texts: Sequence[str] | None) -> list[list[float]] | None:
    """The weight decays of --wd-layers, one list each time that it was given; None for never.

    Raises:
        InputError: a malformed list.
    """
    return [[parse_one(part) for part in text.split(",")] for text in texts] if texts else None


def require_patience(grid: ProblemGrid, work: Callable[[Sequence[Problem]], object]) -> None:
    """Refuse a grid whose closed forms would keep the user waiting; a few are timed, evenly spread.

    Args:
        grid: of problems.
        work: what is done with problems.

    Raises:
        InputError: it would take more than a minute.
    """
    if grid.size < _FEW:
        return
    work(grid.some(1))  # what is computed once and remembered
    sample = grid.some(_TIMED)
    random.Random(0).shuffle(sample)
    began, timed = time.perf_counter(), 0
    while timed < len(sample) and time.perf_counter() - began < _SECONDS:
        work(sample[timed : timed + 1])
        timed += 1
    seconds = (time.perf_counter() - began) / timed * grid.size
    if seconds <= _MOST_SECONDS:
        return
    at_once = int(grid.size * _MOST_SECONDS / seconds)
    raise InputError(
        f"{grid.size} problems in closed form take about {seconds:.0f} s here, and more than {_MOST_SECONDS} s are "
        f"refused: {_fewer(grid, at_once)}"
    )


def _fewer(grid: ProblemGrid, at_once: int) -> str:
    """What of the grid would do."""
    kept = grid.K[: at_once // (grid.size // len(grid.K))]
    if len(kept) < 2:
        return f"at most {at_once} of them"
    whole = kept == tuple(range(kept[0], kept[-1] + 1))
    return f"--K {kept[0]}..{kept[-1]} would do" if whole else f"the first {len(kept)} values of --K would do"


_FEW, _TIMED, _SECONDS = 2000, 40, 1.0
"""Tastes: so few problems are never timed, for they take seconds; of more so many are, or what a second allows."""

_MOST_SECONDS = 50
"""A taste: a minute, less what a start and an estimate may be off."""


def parse_one(part: str) -> float:
    """One weight decay of --wd-layers, which repeats values where layers share them."""
    return parse_floats(part.strip(), "--wd-layers")[0]
