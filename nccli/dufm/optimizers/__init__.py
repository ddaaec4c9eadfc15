"""Ways down, by name: each is one object with its PyTorch and its C form.

A further one is a file beside `adam`, a name in `nccli.catalogue.options.OptimizerName`, and a line here.
"""

from nccli.catalogue.options import OptimizerName
from nccli.dufm.optimizers.adam import Adam
from nccli.dufm.optimizers.decoupled import SGDW, AdamW
from nccli.dufm.optimizers.momentum import GradientDescent, HeavyBall, Nesterov
from nccli.dufm.optimizers.optimizer import FULL_PACE, Optimizer, Pace

__all__ = ["FULL_PACE", "OPTIMIZERS", "Optimizer", "Pace"]

OPTIMIZERS: dict[str, Optimizer] = {
    way.name: way for way in (GradientDescent(), HeavyBall(), Nesterov(), Adam(), SGDW(), AdamW())
}
"""All optimisers by name."""

assert OPTIMIZERS.keys() == set(OptimizerName)
