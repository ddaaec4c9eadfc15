"""How fast a run steps at each step: learning-rate schedules, and Adam's bias corrections."""

import math
import re
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from nccli.errors import InputError

OPTIMIZERS = ("gd", "heavy-ball", "nesterov", "adam")
SCHEDULES = ("constant", "linear", "cosine", "step")
ADAM_BETA_2 = 0.999
ADAM_EPSILON = 1e-8

_STEP = re.compile(r"step:(?P<factor>[^@]+)@(?P<fractions>.+)")
_STEP_DEFAULT = "step:0.1@0.5,0.75"


def parse_schedule(text: str) -> Callable[[Float[np.ndarray, " count"]], Float[np.ndarray, " count"]]:
    """The factor on the learning rate as a function of the fraction of the step budget that is used, in [0, 1).

    Args:
        text: "constant" (1), "linear" (1 − t), "cosine" (½ (1 + cos πt)), "step" (0.1 from half, 0.01 from three
            quarters of the budget) or "step:FACTOR@FRACTION,FRACTION,…".

    Raises:
        InputError: something else.
    """
    if text == "constant":
        return np.ones_like
    if text == "linear":
        return lambda t: 1 - t
    if text == "cosine":
        return lambda t: 0.5 * (1 + np.cos(math.pi * t))
    match = _STEP.fullmatch(_STEP_DEFAULT if text == "step" else text)
    try:
        if match is None:
            raise ValueError
        factor = float(match["factor"])
        fractions = sorted(float(part) for part in match["fractions"].split(","))
        if not (0 < factor <= 1 and all(0 < fraction < 1 for fraction in fractions)):
            raise ValueError
    except ValueError as error:
        raise InputError(
            f"schedule '{text}': must be constant, linear, cosine, step or step:FACTOR@FRACTION,FRACTION "
            "with a factor in (0, 1] and fractions of the budget in (0, 1)"
        ) from error
    return lambda t: factor ** np.searchsorted(fractions, t, side="right")


def mean_factor(schedule: str) -> float:
    """The schedule's mean over the budget."""
    return float(parse_schedule(schedule)((np.arange(4096) + 0.5) / 4096).mean())


def paces(
    schedule: str, optimizer: str, momentum: float, budget: int, first: int, count: int
) -> Float[np.ndarray, "count 3"]:
    """What changes from step to step.

    Args:
        schedule: as `parse_schedule` takes it.
        optimizer: one of `OPTIMIZERS`.
        momentum: β_1 of Adam.
        budget: steps of the whole run.
        first: steps taken before.
        count: steps wanted.

    Returns:
        A row a step: factor on the learning rate, then Adam's 1/(1 − β_1^t) and 1/√(1 − β_2^t) (Kingma and Ba 2015;
        1 for the other optimisers).
    """
    found = np.ones((count, 3))
    steps = np.arange(first, first + count)
    found[:, 0] = parse_schedule(schedule)(steps / budget)
    if optimizer == "adam":
        found[:, 1] = 1 / (1 - momentum ** (steps + 1.0))
        found[:, 2] = 1 / np.sqrt(1 - ADAM_BETA_2 ** (steps + 1.0))
    return found
