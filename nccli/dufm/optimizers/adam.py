"""Adam."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from nccli.catalogue.options import OptimizerName
from nccli.dufm.optimizers.optimizer import Optimizer, Pace

if TYPE_CHECKING:
    from torch import Tensor

_BETA_2 = 0.999
_EPSILON = 1e-8
"""Both are those of Kingma and Ba 2015, and torch's defaults."""


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) with weight decay in the loss, not decoupled.

    Its numbers of a step are 1/(1 − β₁ᵗ) and 1/√(1 − β₂ᵗ), the corrections of bias; β₁ is the momentum.
    """

    name = OptimizerName.ADAM.value
    default_lr, default_momentum = 1e-3, 0.9
    takes_momentum = True
    moments = 2
    keeps_collapsed_exactly = False  # it divides by the size of gradients that vanish, where rounding decides
    numbers_a_step = 2
    c_update = f"""
      vec m = s->beta * AT(p + SIZE) + (1 - s->beta) * g;
      vec v = (REAL){_BETA_2!r} * AT(p + 2 * SIZE) + (REAL)(1 - {_BETA_2!r}) * g * g;
      vec root;
      EACH(i, VEC) root[i] = sizeof(REAL) == sizeof(float) ? (REAL)sqrtf((float)v[i]) : (REAL)sqrt((double)v[i]);
      AT(p + SIZE) = m;
      AT(p + 2 * SIZE) = v;
      AT(p) -= (s->rate * s->more[0]) * m / (root * s->more[1] + (REAL){_EPSILON!r});
    """

    def update_(
        self, p: "Tensor", g: "Tensor", moments: "Sequence[Tensor]", rate: "Tensor", momentum: float, pace: Pace
    ) -> None:
        """See `Optimizer.update_`."""
        import torch

        m, v = moments
        m.mul_(momentum).add_(g, alpha=1 - momentum)
        v.mul_(_BETA_2).addcmul_(g, g, value=1 - _BETA_2)
        torch.sqrt(v, out=g)
        g.mul_(pace[2]).add_(_EPSILON)
        torch.div(m, g, out=g)
        g.mul_(pace[1]).mul_(rate)
        p.sub_(g)

    def first_step(self, g: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
        """−g/(|g| + ε)."""
        return np.asarray(-g / (np.abs(g) + _EPSILON))

    def per_step(self, momentum: float, steps: Int[np.ndarray, " count"]) -> Float[np.ndarray, "count more"]:
        """1/(1 − β₁ᵗ) and 1/√(1 − β₂ᵗ), t = 1 at the first step."""
        t = steps + 1.0
        return np.stack([1 / (1 - momentum**t), 1 / np.sqrt(1 - _BETA_2**t)], axis=1)

    def decay_steps(self, lr: float, momentum: float, wd: float) -> float:
        """0: its pace has no such constant."""
        return 0.0
