"""End-to-end training written as in a first course: autograd of the whole loss, all penalties in it, explicit SGD."""

import numpy as np
import torch
from torch import Tensor, nn

from nccli.e2e.config import E2eConfig
from nccli.e2e.network import Network


def whole_loss(network: Network, images: Tensor, labels: np.ndarray, config: E2eConfig) -> Tensor:
    """The loss of theory.md, section 4, on one mini-batch."""
    B, N = len(labels), config.samples
    h1 = network.backbone(images)
    hidden = h1
    weights = [layer.weight for layer in network.head.layers]
    for W in weights[:-1]:
        hidden = (hidden @ W.T).clamp(min=0)
    output = hidden @ weights[-1].T
    loss = torch.zeros((), dtype=output.dtype)
    for i in range(B):
        target = torch.eye(config.K, dtype=output.dtype)[int(labels[i])]
        loss = loss + ((output[i] - target) ** 2).sum() / (2 * B)
    if config.reg == "dufm":
        loss = loss + N / B * config.wd_h1 / 2 * (h1**2).sum()
        for W, decay in zip(weights, config.wd_layers, strict=True):
            loss = loss + decay / 2 * (W**2).sum()
    else:
        for parameter in network.parameters():
            loss = loss + config.wd_layers[0] / 2 * (parameter**2).sum()
    return loss


def sgd_step(network: nn.Module, velocity: list[Tensor], lr: float, momentum: float) -> None:
    """v ← βv + g, θ ← θ − ηv."""
    for parameter, v in zip(network.parameters(), velocity, strict=True):
        assert parameter.grad is not None
        v.mul_(momentum).add_(parameter.grad)
        parameter.data -= lr * v
        parameter.grad = None
