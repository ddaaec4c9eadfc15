"""Exact collapse reduction: n equal samples a class are one sample (theory sheet, section 1).

Under weight decay the differences within a class die out like (1 − ηλ_{H_1})^t or faster wherever the samples of a
class sit in one linear region of the network. There the class means and the weights feel them in second order only, so
that once they are at rounding level in every layer, the n-sample problem is the one-sample problem with n λ_{H_1} and
step η/n on M_1, n times smaller, and a run goes on as that (`nccli.dufm.batch.Batch.collapsed`). The same holds with
momentum. Adam divides by the size of gradients that vanish, where rounding decides: its runs are left as they are, and
so are those whose samples get noise or turns of their own.

Rounding level is not one unit in the last place: a difference below ½/(ηλ_{H_1}) units changes by less than half a unit
in a step, and stays.

Not every ReLU run gets there. Where the limit has a pre-activation that is exactly zero, descent at a fixed step size
crosses the kink for ever, each sample of the class in a phase of its own, and the deviation stays at a floor that is
proportional to the step size (measured: K = 10, L = 4, λ = 0.004, n = 5, d = 30: 2e-4 at η = 0.5, 3e-6 at 0.005). Such
runs are left as they are, unless `DufmConfig.collapse_tol` asks for an approximation.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from nccli.dufm.config import DufmConfig
from nccli.dufm.measurement import Measurement
from nccli.dufm.targets import known

_LEAST_ROUNDINGS = 4
"""A taste: a mean and a difference round that often, however fast weight decay is."""

_SECOND_ORDER = 0.1
"""A bound: the square of a deviation of this over √eps is a hundredth of a rounding."""


def has_collapsed(configs: Sequence[DufmConfig], measured: Measurement) -> Bool[np.ndarray, " runs"]:
    """Which runs of a batch may go on as their class means."""
    rounding = np.array([collapse_tolerance(config) for config in configs])
    asked = np.array([config.collapse_tol for config in configs])
    keeps = np.array([config.way_down.keeps_collapsed_exactly for config in configs])
    steady = np.array([not config.is_noisy and not _tells_samples_apart(config) for config in configs])
    exact = keeps & measured.aligned & (measured.deviation <= rounding)
    return np.asarray(measured.finite & steady & (exact | (measured.deviation <= asked)))


def _tells_samples_apart(config: DufmConfig) -> bool:
    """Whether samples of a class have targets of their own."""
    return config.targets_print is not None and len(known(config.targets_print)) > config.K


def collapse_tolerance(config: DufmConfig) -> float:
    """Relative within-class deviation that is rounding, in runs whose classes are on one side of every kink."""
    eps = float(np.finfo(config.dtype).eps)
    roundings = min(0.5 * config.features_decay_time, _SECOND_ORDER / math.sqrt(eps))
    return eps * max(roundings, _LEAST_ROUNDINGS)
