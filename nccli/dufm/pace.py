"""What changes from step to step: the schedule's factor on the learning rate, and what the optimiser needs beside."""

import numpy as np
from jaxtyping import Float

from nccli.dufm.optimizers import Optimizer
from nccli.training.schedule import parse_schedule


def paces(
    schedule: str, optimizer: Optimizer, momentum: float, budget: int, first: int, count: int
) -> Float[np.ndarray, "count numbers"]:
    """What changes from step to step.

    Args:
        schedule: as `parse_schedule` takes it.
        optimizer: whose numbers are wanted.
        momentum: β.
        budget: steps of the whole run.
        first: steps taken before.
        count: steps wanted.

    Returns:
        A row a step: factor on the learning rate, then `Optimizer.per_step`.
    """
    steps = np.arange(first, first + count)
    factor = parse_schedule(schedule)(steps / budget)
    return np.concatenate([factor[:, None], optimizer.per_step(momentum, steps)], axis=1)
