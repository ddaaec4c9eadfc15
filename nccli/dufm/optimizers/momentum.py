"""Gradient descent, plain and with momentum."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nccli.catalogue.options import OptimizerName
from nccli.dufm.optimizers.optimizer import Optimizer, Pace

if TYPE_CHECKING:
    from torch import Tensor

_PLAIN_LR = 0.5
_LR = 0.05
_MOMENTUM = 0.9


class GradientDescent(Optimizer):
    """p ← p − ηg; the gradient carries η."""

    name = OptimizerName.GD.value
    default_lr, default_momentum = _PLAIN_LR, 0.0
    takes_momentum = False
    moments = 0
    step_in_gradient = True
    c_update = "AT(p) -= g;"

    def update_(
        self, p: "Tensor", g: "Tensor", moments: "Sequence[Tensor]", rate: "Tensor", momentum: float, pace: Pace
    ) -> None:
        """See `Optimizer.update_`."""
        p.sub_(g)


class HeavyBall(Optimizer):
    """u ← βu + g, p ← p − ηu (Polyak 1964)."""

    name = OptimizerName.HEAVY_BALL.value
    default_lr, default_momentum = _LR, _MOMENTUM
    takes_momentum = True
    moments = 1
    c_update = """
      vec u = s->beta * AT(p + SIZE) + g;
      AT(p + SIZE) = u;
      AT(p) -= s->rate * u;
    """

    def update_(
        self, p: "Tensor", g: "Tensor", moments: "Sequence[Tensor]", rate: "Tensor", momentum: float, pace: Pace
    ) -> None:
        """See `Optimizer.update_`."""
        (u,) = moments
        u.mul_(momentum).add_(g)
        p.addcmul_(u, rate, value=-1)

    def memory_unit(self, momentum: float, wd: float) -> float | None:
        """(1 − β)/λ: a constant gradient λp keeps u = λp/(1 − β)."""
        return (1 - momentum) / wd


class Nesterov(HeavyBall):
    """u ← βu + g, p ← p − η(g + βu) (Sutskever et al. 2013, the form of torch.optim.SGD)."""

    name = OptimizerName.NESTEROV.value
    c_update = """
      vec u = s->beta * AT(p + SIZE) + g;
      AT(p + SIZE) = u;
      AT(p) -= s->rate * (g + s->beta * u);
    """

    def update_(
        self, p: "Tensor", g: "Tensor", moments: "Sequence[Tensor]", rate: "Tensor", momentum: float, pace: Pace
    ) -> None:
        """See `Optimizer.update_`."""
        (u,) = moments
        u.mul_(momentum).add_(g)
        g.add_(u, alpha=momentum)
        p.addcmul_(g, rate, value=-1)
