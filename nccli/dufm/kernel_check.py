"""Whether a kernel computes what it should: its first step beside that of NumPy."""

from collections.abc import Callable

import numpy as np

from nccli.catalogue.options import DtypeName
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.network import Network
from nccli.dufm.shape import Shape
from nccli.dufm.steps import Steps

_LR, _WD = 0.5, 0.1
"""A taste: a step then moves every matrix by a hundredth of its size or more, far above rounding."""

_STEP_TOLERANCE, _ROUNDING = 1e-2, 1e-5
"""Bounds: a hundredth of a matrix's step and a hundred roundings of float32."""

_MOST_OFF = 0.01
"""A bound: share of the entries that rounding may put on the other side of a kink, or of Adam's sign."""


def takes_the_right_step(shape: Shape, steps_of: Callable[[Batch], Steps]) -> bool:
    """Whether the first step of a run of this shape is the one that the gradient in float64 asks for.

    Args:
        shape: what the kernel was compiled for.
        steps_of: the kernel's steps of a batch.
    """
    batch = Batch.start([_config(shape)])
    way = batch.configs[0].way_down
    by_weight, by_features = Network(batch.double()).gradients()
    before = batch.double().parameters.all
    steps = steps_of(batch)
    steps.advance(0, 1)
    steps.sync()
    for start, end, gradient in zip(before, batch.parameters.all, [by_features, *by_weight], strict=True):
        expected = _LR * way.first_step(gradient)
        error = np.abs(end - start - expected)
        allowed = _STEP_TOLERANCE * np.abs(expected).max() + _ROUNDING * np.abs(start).max()
        if not (error <= allowed).mean() >= 1 - _MOST_OFF:
            return False
    return True


def _config(shape: Shape) -> DufmConfig:
    """A run that fills the shape, padding included, as far as classes of equal size can."""
    K = min(shape.K, shape.N)
    return DufmConfig(
        K=K,
        L=shape.L,
        n=shape.N // K,
        width=shape.D,
        wd_h1=_WD,
        wd_layers=(_WD,) * shape.L,
        lr=_LR,
        steps=1,
        seed=0,
        dtype=(DtypeName.FLOAT64 if shape.double else DtypeName.FLOAT32).value,
        activation=shape.activation,
        epsilon=shape.epsilon,
        optimizer=shape.optimizer,
        objective=shape.objective,
    )
