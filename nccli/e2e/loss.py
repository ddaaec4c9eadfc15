"""The loss of a mini-batch, an estimate of the loss over all samples."""

from torch import Tensor

from nccli.e2e.config import E2eConfig
from nccli.objective import objective_named


def mini_batch_loss(config: E2eConfig, h1: float | Tensor, features: Tensor, output: Tensor, target: Tensor) -> Tensor:
    """1/B Σ_i ℓ(z_i, y_i) + N/B λ_{H_1}/2 ‖H_1‖²; of a share of the batch, its part of both sums.

    Args:
        config: of the run; B and N are its.
        h1: λ_{H_1}.
        features: H_1 of the share.
        output: of the share.
        target: the unit vectors of its classes.
    """
    loss: Tensor = objective_named(config.objective).total(output, target) / config.batch
    if config.wd_h1:
        loss = loss + h1 / 2 * (config.samples / config.batch) * features.square().sum()
    return loss
