"""Whether a run has settled, from the latest points of its history."""

import math
from collections.abc import Sequence

import numpy as np

from nccli.dufm.config import DufmConfig
from nccli.dufm.result import HistoryPoint
from nccli.metrics.drift import WINDOW, Drift, drift
from nccli.training.measure_points import measure_steps


def run_drift(config: DufmConfig, history: Sequence[HistoryPoint]) -> Drift | None:
    """What loss and singular values still did over the latest of the steps; None where time has no measure.

    That is so of Adam, and of schedules, with which any run comes to rest.
    """
    unit = config.decay_time
    if not history or config.has_schedule or not 0 < unit < math.inf:
        return None
    last = history[-1].step
    wanted = {step for step in measure_steps(last) if WINDOW * step >= last}  # none of budgets on the way
    recent = [point for point in history if point.step in wanted and point.singular_values]
    if not recent:
        return None
    losses = np.array([point.loss for point in recent])
    spectra = np.array([point.singular_values for point in recent])
    return drift(np.array([point.step / unit for point in recent]), losses, spectra)
