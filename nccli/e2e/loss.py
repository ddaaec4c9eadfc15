"""The loss of a mini-batch, an estimate of the loss over all samples."""

import torch
from torch import Tensor

from nccli.e2e.config import E2eConfig
from nccli.objective import objective_named


def mini_batch_loss(
    config: E2eConfig, h1: float | Tensor, features: Tensor, output: Tensor, labels: Tensor, B: int
) -> Tensor:
    """1/B Σ_i ℓ(z_i, y_i) + N/B λ_{H_1}/2 ‖H_1‖²; of a share of the batch, its part of both sums.

    Args:
        config: of the run.
        h1: λ_{H_1}.
        features: H_1 of the share.
        output: of the share.
        labels: of the share.
        B: samples of the whole batch.
    """
    target = torch.nn.functional.one_hot(labels, config.K).to(output)
    loss: Tensor = objective_named(config.objective).total(output, target) / B
    if config.wd_h1:
        loss = loss + h1 / 2 * config.samples / B * features.square().sum()
    return loss
