"""What an optimiser is: how a gradient changes a parameter, for all runs of a batch at once and without allocation.

The gradient includes weight decay, which is part of the loss, but for `decoupled` ones. Conventions are those of
torch.optim, so that a run can be compared with one's own loop step by step.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    from torch import Tensor

Pace = Any
"""What changes from step to step, a sequence of numbers or a tensor: the schedule's factor on the learning rate, then
what `Optimizer.per_step` gives."""

FULL_PACE = (1.0,)
"""The pace of a step at full learning rate, where the optimiser needs nothing else."""


class Optimizer(ABC):
    """One optimiser; it has no state.

    Attributes:
        name: as a configuration says it.
        default_lr, default_momentum: a taste, those of the literature; gd's step size is that of Súkeník et al. 2024.
        takes_momentum: whether it has a β at all.
        moments: how many numbers it remembers of each parameter; zero at the start.
        step_in_gradient: whether gradients are to carry the step size already, because then one product both forms and
            applies them.
        decoupled: whether weight decay is no part of the gradient; whoever takes steps shrinks a parameter by 1 − ηλ
            before `update_`.
        keeps_collapsed_exactly: whether a run whose features have collapsed to rounding may go on as its class means
            (`nccli.dufm.reduction`).
        numbers_a_step: how many numbers of each step it needs beside the learning rate.
        c_update: body of the C function `update(REAL *p, vec g, const Step *s)`, which applies the gradient g to the
            vector at p: AT(p) is the parameter, AT(p + SIZE) and so on what is remembered of it, s->rate the step size,
            s->beta the momentum, s->more the numbers of this step.
    """

    name: str
    default_lr: float
    default_momentum: float
    takes_momentum: bool
    moments: int
    step_in_gradient: bool = False
    decoupled: bool = False
    keeps_collapsed_exactly: bool = True
    numbers_a_step: int = 0
    c_update: str

    @abstractmethod
    def update_(
        self, p: "Tensor", g: "Tensor", moments: "Sequence[Tensor]", rate: "Tensor", momentum: float, pace: Pace
    ) -> None:
        """Change a parameter.

        Args:
            p: parameter, (runs, a, b); changed in place.
            g: its gradient, weight decay included unless `decoupled`, with the step size where `step_in_gradient`; may
                be overwritten.
            moments: what is remembered of this parameter; changed in place.
            rate: learning rate of each run at this step, (runs, 1, 1).
            momentum: β.
            pace: of this step.
        """

    def first_step(self, g: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
        """Where a parameter of this gradient goes from where nothing is remembered, by step size; without momentum."""
        return -g

    def per_step(self, momentum: float, steps: Int[np.ndarray, " count"]) -> Float[np.ndarray, "count more"]:
        """The numbers of these steps, counted from 0."""
        return np.ones((len(steps), self.numbers_a_step))

    def decay_steps(self, lr: float, momentum: float, wd: float) -> float:
        """Steps in which weight decay λ alone shrinks a parameter by e; lr is the mean over the budget."""
        rate = lr / (1 - momentum) * wd
        return 1 / rate if rate > 0 else math.inf

    def memory_unit(self, momentum: float, wd: float) -> float | None:
        """Factor from a parameter's first moment to what it makes of it in the end; None where that is nothing."""
        return None
