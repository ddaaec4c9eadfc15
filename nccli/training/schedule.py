"""Learning-rate schedules: how fast a run steps at each part of its budget."""

import math
import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from nccli.errors import InputError

SCHEDULES = ("constant", "linear", "cosine", "step")

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


@lru_cache(maxsize=256)
def mean_factor(schedule: str) -> float:
    """The schedule's mean over the budget."""
    return float(parse_schedule(schedule)((np.arange(4096) + 0.5) / 4096).mean())
