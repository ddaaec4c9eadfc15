"""End-to-end training written as in a first course: autograd of the whole loss, all penalties in it, explicit SGD."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from nccli.e2e.batches import generator
from nccli.e2e.config import E2eConfig
from nccli.e2e.device_images import DeviceImages
from nccli.e2e.images import ImageSet
from nccli.e2e.network import Network, build_network


def whole_loss(network: Network, images: Tensor, labels: np.ndarray, config: E2eConfig, risen: float = 1.0) -> Tensor:
    """The loss of theory.md, section 4, on one mini-batch, every λ times `risen`."""
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
        loss = loss + risen * N / B * config.wd_h1 / 2 * (h1**2).sum()
        for W, decay in zip(weights, config.wd_layers, strict=True):
            loss = loss + risen * decay / 2 * (W**2).sum()
    else:
        for parameter in network.parameters():
            loss = loss + risen * config.wd_layers[0] / 2 * (parameter**2).sum()
    return loss


def sgd_step(network: nn.Module, velocity: list[Tensor], lr: float, momentum: float) -> None:
    """v ← βv + g, θ ← θ − ηv."""
    for parameter, v in zip(network.parameters(), velocity, strict=True):
        assert parameter.grad is not None
        v.mul_(momentum).add_(parameter.grad)
        parameter.data -= lr * v
        parameter.grad = None


def plain_descent(config: E2eConfig, images: ImageSet) -> Network:
    """The network after all steps of a run without clipping and augmentation, one after the other."""
    data = DeviceImages(images.train, "cpu")
    network = build_network(config, data.shape)
    velocity = [torch.zeros_like(parameter) for parameter in network.parameters()]
    epochs = range(math.ceil((config.steps + 1) * config.batch_size / config.samples))
    order = np.concatenate([generator(config.seed, "order", epoch).permutation(config.samples) for epoch in epochs])
    for step in range(config.steps):
        share = step / config.steps
        schedule = {"constant": 1.0, "linear": 1 - share, "cosine": (1 + math.cos(math.pi * share)) / 2}
        lr = config.lr * schedule[config.schedule]
        if config.lr_rise:
            lr *= min(1.0, (step + 1) / (config.lr_rise * config.steps))
        risen = 10 ** -(1 - min(1.0, share / config.wd_rise)) if config.wd_rise else 1.0
        batch, labels = data.batch(order[step * config.batch_size :][: config.batch_size])
        whole_loss(network, batch, labels.numpy(), config, risen).backward()
        sgd_step(network, velocity, lr, config.momentum)
    return network
