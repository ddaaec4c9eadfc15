"""Whether a kernel computes what it should: its first step beside that of NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.network import Network
from nccli.dufm.steps import Steps

_LR, _WD = 0.5, 0.1
"""A taste: a step then moves every matrix by a hundredth of its size or more, far above rounding."""

_STEP_TOLERANCE, _ROUNDING = 1e-2, 1e-5
"""Bounds: a hundredth of a matrix's step and a hundred roundings of float32."""

_MOST_OFF = 0.01
"""A bound: share of the entries that rounding may put on the other side of a kink, or of Adam's sign."""


def takes_the_right_step(config: DufmConfig, steps_of: Callable[[Batch], Steps]) -> bool:
    """Whether the first step of a run, as `checked_run` makes them, is the one that the gradient in float64 asks for.

    Args:
        config: the run.
        steps_of: the kernel's steps of a batch; of class means where classes are of unequal sizes.
    """
    batch = Batch.start([config])
    if config.class_counts is not None:
        batch = batch.collapsed()
    way = batch.configs[0].way_down
    by_weight, by_features = Network(batch.double()).gradients()
    before = batch.double().parameters.all
    steps = steps_of(batch)
    steps.advance(0, 1)
    steps.sync()
    for start, end, gradient in zip(before, batch.parameters.all, [by_features, *by_weight], strict=True):
        decay = _WD * start if way.decoupled else 0.0
        expected = _LR * (way.first_step(gradient - decay) - decay)
        error = np.abs(end - start - expected)
        allowed = _STEP_TOLERANCE * np.abs(expected).max() + _ROUNDING * np.abs(start).max()
        if not (error <= allowed).mean() >= 1 - _MOST_OFF:
            return False
    return True


def checked_run(K: int, L: int, n: int, width: int, **choices: Any) -> DufmConfig:
    """A run for `takes_the_right_step`.

    Args:
        K, L, n, width: as in `DufmConfig`.
        choices: more of it, by name.
    """
    return DufmConfig(K, L, n, width, _WD, (_WD,) * L, lr=_LR, steps=1, seed=0, **choices)
