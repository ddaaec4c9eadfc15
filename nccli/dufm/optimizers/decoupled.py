"""Optimisers with decoupled weight decay (Loshchilov and Hutter 2019).

A step shrinks the parameter by 1 − ηλ and then follows the gradient of the fit alone, as torch.optim.AdamW has it;
momentum and Adam's sizes never see the decay. So no run descends the loss of theory sheet section 1: the fixed points
of sgdw are the stationary points of the loss with (1 − β)λ in the place of every λ, those of adamw of no such loss.
"""

import math

from nccli.catalogue.options import OptimizerName
from nccli.dufm.optimizers.adam import Adam
from nccli.dufm.optimizers.momentum import HeavyBall


class SGDW(HeavyBall):
    """p ← (1 − ηλ) p, u ← βu + g, p ← p − ηu."""

    name = OptimizerName.SGDW.value
    decoupled = True

    def decay_steps(self, lr: float, momentum: float, wd: float) -> float:
        """1/(ηλ), whatever the momentum."""
        return _decay_steps(lr, wd)

    def memory_unit(self, momentum: float, wd: float) -> float | None:
        """1/λ: at a fixed point u = −λp."""
        return 1 / wd


class AdamW(Adam):
    """p ← (1 − ηλ) p, then Adam's step."""

    name = OptimizerName.ADAMW.value
    decoupled = True

    def decay_steps(self, lr: float, momentum: float, wd: float) -> float:
        """1/(ηλ): its decay, unlike Adam's, has a pace."""
        return _decay_steps(lr, wd)


def _decay_steps(lr: float, wd: float) -> float:
    return 1 / (lr * wd) if lr * wd > 0 else math.inf
