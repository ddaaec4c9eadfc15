"""Ways down: how a gradient changes a parameter, for all runs of a batch at once and without allocation.

The gradient includes weight decay, which is part of the loss. Conventions are those of torch.optim, so that a run can
be compared with one's own loop step by step.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from nccli.dufm.pace import ADAM_BETA_2, ADAM_EPSILON

Pace = Sequence[float] | Float[Tensor, "3"]
"""A row of `nccli.dufm.pace.paces`."""


class Optimizer(ABC):
    """A rule with memory; plain gradient descent has none and is fused into the engine's products."""

    moments: int
    """Tensors of the shape of a parameter that the rule remembers."""

    @abstractmethod
    def update_(self, p: Tensor, g: Tensor, moments: Sequence[Tensor], rate: Tensor, pace: Pace) -> None:
        """Change a parameter.

        Args:
            p: parameter, (runs, a, b); changed in place.
            g: its gradient; may be overwritten.
            moments: what the rule remembers of this parameter; changed in place, zero at the start.
            rate: learning rate of each run at this step, (runs, 1, 1).
            pace: of this step.
        """


class HeavyBall(Optimizer):
    """u ← βu + g, p ← p − ηu (Polyak 1964)."""

    moments = 1

    def __init__(self, momentum: float) -> None:
        """β."""
        self._beta = momentum

    def update_(self, p: Tensor, g: Tensor, moments: Sequence[Tensor], rate: Tensor, pace: Pace) -> None:
        """See `Optimizer.update_`."""
        (u,) = moments
        u.mul_(self._beta).add_(g)
        p.addcmul_(u, rate, value=-1)


class Nesterov(HeavyBall):
    """u ← βu + g, p ← p − η(g + βu) (Sutskever et al. 2013, the form of torch.optim.SGD)."""

    def update_(self, p: Tensor, g: Tensor, moments: Sequence[Tensor], rate: Tensor, pace: Pace) -> None:
        """See `Optimizer.update_`."""
        (u,) = moments
        u.mul_(self._beta).add_(g)
        g.add_(u, alpha=self._beta)
        p.addcmul_(g, rate, value=-1)


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) with weight decay in the loss, not decoupled."""

    moments = 2

    def __init__(self, momentum: float) -> None:
        """β_1; β_2 and ε are those of `nccli.dufm.pace`."""
        self._beta = momentum

    def update_(self, p: Tensor, g: Tensor, moments: Sequence[Tensor], rate: Tensor, pace: Pace) -> None:
        """See `Optimizer.update_`."""
        m, v = moments
        m.mul_(self._beta).add_(g, alpha=1 - self._beta)
        v.mul_(ADAM_BETA_2).addcmul_(g, g, value=1 - ADAM_BETA_2)
        torch.sqrt(v, out=g)
        g.mul_(pace[2]).add_(ADAM_EPSILON)
        torch.div(m, g, out=g)
        g.mul_(pace[1]).mul_(rate)
        p.sub_(g)


def make_optimizer(name: str, momentum: float) -> Optimizer | None:
    """The rule of that name; None for "gd"."""
    rules: dict[str, type[HeavyBall] | type[Adam]] = {"heavy-ball": HeavyBall, "nesterov": Nesterov, "adam": Adam}
    return rules[name](momentum) if name in rules else None
