"""What changes from step to step: the schedule's factor on the learning rate, and Adam's bias corrections."""

import numpy as np
from jaxtyping import Float

from nccli.training.schedule import parse_schedule

OPTIMIZERS = ("gd", "heavy-ball", "nesterov", "adam")
ADAM_BETA_2 = 0.999
ADAM_EPSILON = 1e-8


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
