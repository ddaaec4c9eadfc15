"""Training the L-DUFM as a researcher would write it: one run, torch.nn.functional, autograd, torch.optim."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nccli.dufm.config import DufmConfig
from nccli.dufm.initial import initial_point


def relu_eps(z: Tensor, epsilon: float) -> Tensor:
    """ReLU_ε of Definition 7 by cases."""
    inner = z**2 * (2 * epsilon - z) / epsilon**2
    return torch.where(z <= 0, torch.zeros_like(z), torch.where(z >= epsilon, z, inner))


def activation(config: DufmConfig, layer: int) -> Callable[[Tensor], Tensor]:
    """σ that makes H_layer."""
    if config.activation == "relu-eps":
        assert config.epsilon is not None
        epsilon = config.epsilon
        return lambda z: relu_eps(z, epsilon)
    if config.activation == "relu" or (config.activation == "relu-last" and layer == config.L):
        return torch.relu
    if config.slope is not None:
        slope = config.slope
        return lambda z: torch.nn.functional.leaky_relu(z, slope)
    return lambda z: z


class WrittenOutSGDW(torch.optim.Optimizer):
    """SGDW as Loshchilov and Hutter 2019 have it in words: decay by itself, then a step of heavy-ball on the fit."""

    def step(self, closure: Any = None) -> None:
        """θ ← θ − ηλθ, then u ← βu + g, θ ← θ − ηu."""
        for group in self.param_groups:
            for p in group["params"]:
                u = self.state[p].get("momentum_buffer", torch.zeros_like(p))
                u = group["momentum"] * u + p.grad
                self.state[p]["momentum_buffer"] = u
                with torch.no_grad():
                    p.copy_(p - group["lr"] * group["weight_decay"] * p - group["lr"] * u)


def make_optimizer(config: DufmConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimiser that a configuration names; weight decay is a part of the gradient but for sgdw and adamw."""
    if config.optimizer == "sgdw":
        return WrittenOutSGDW(groups, {"lr": config.lr, "momentum": config.momentum})
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr, betas=(config.momentum, 0.999), eps=1e-8)
    if config.optimizer == "adam":
        return torch.optim.Adam(groups, lr=config.lr, betas=(config.momentum, 0.999), eps=1e-8)
    return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.optimizer == "nesterov")


class OrdinaryDufm:
    """One run with parameters in the paper's orientation: H_1 (d × N), W_l (out × in)."""

    def __init__(self, config: DufmConfig, dtype: torch.dtype | None = None) -> None:
        """Start from the run's own initial point."""
        kind = dtype or getattr(torch, config.dtype)
        features, hidden, last = initial_point(config)
        self.config = config
        self.H_1 = torch.tensor(features.T.copy(), dtype=kind, requires_grad=True)
        matrices = [*hidden.transpose(0, 2, 1), last.T]
        self.W = [torch.tensor(matrix.copy(), dtype=kind, requires_grad=True) for matrix in matrices]
        self.sigma = [activation(config, layer) for layer in range(2, config.L + 1)]
        sizes = config.class_counts or (config.n,) * config.K
        self.Y = torch.eye(config.K, dtype=kind).repeat_interleave(torch.tensor(sizes), dim=1)
        groups = [{"params": [self.H_1], "weight_decay": config.wd_h1}]
        groups += [{"params": [W], "weight_decay": wd} for W, wd in zip(self.W, config.wd_layers, strict=True)]
        self.optimizer = make_optimizer(config, groups)

    def fit(self) -> Tensor:
        """1/(2N) ‖W_L H_L − Y‖²."""
        H = self.H_1
        for W, sigma in zip(self.W[:-1], self.sigma, strict=True):
            H = sigma(W @ H)
        return (self.W[-1] @ H - self.Y).square().sum() / (2 * self.Y.shape[1])

    def reg(self) -> Tensor:
        """Σ λ/2 ‖·‖² over all parameters."""
        reg = self.config.wd_h1 / 2 * self.H_1.square().sum()
        for W, wd in zip(self.W, self.config.wd_layers, strict=True):
            reg = reg + wd / 2 * W.square().sum()
        return reg

    def step(self) -> None:
        """One step of torch.optim; weight decay is the optimiser's."""
        self.optimizer.zero_grad()
        self.fit().backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
