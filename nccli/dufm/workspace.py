"""Buffers of a step and the constants of each run, made once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nccli.dufm.activation import make_activation
from nccli.dufm.config import DufmConfig
from nccli.dufm.optimizer import Pace, make_optimizer
from nccli.dufm.parameters import Parameters

STEADY = (1.0, 1.0, 1.0)
"""The pace of a step at full learning rate."""


class Workspace:
    """Buffers of a step and the constants of each run, made when first needed."""

    def __init__(self, configs: Sequence[DufmConfig], parameters: Parameters, moments: Sequence[Parameters]) -> None:
        """Allocate; parameters and moments are referred to, not copied."""
        first, like = configs[0], parameters.features
        runs, rows, _ = like.shape

        def per_run(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float64).to(like).view(runs, 1, 1)

        self.all = parameters.tensors
        self.V = self.all[1:]
        self.V_T = [V.transpose(1, 2) for V in self.V]
        self.moments = list(zip(*(m.tensors for m in moments), strict=True)) or [()] * len(self.all)
        self.optimizer = make_optimizer(first.optimizer, first.momentum)
        self.X = [like, *(torch.empty_like(like) for _ in range(first.L - 1))]
        self.X_T = [X.transpose(1, 2) for X in self.X]
        self.sigma = [
            make_activation(first.activation, first.epsilon, i == first.L, like) for i in range(2, first.L + 1)
        ]
        self.E = like.new_empty(runs, rows, first.K)
        self.D = (torch.empty_like(like), torch.empty_like(like))
        self.Y = torch.eye(first.K, dtype=like.dtype, device=like.device).repeat_interleave(rows // first.K, dim=0)

        wd = [(config.wd_h1, *config.wd_layers) for config in configs]
        self.wd = [per_run(column) for column in zip(*wd, strict=True)]
        self._lr = per_run([config.lr for config in configs])
        self._lr_over_rows = per_run([config.lr / rows for config in configs])
        self._lr_wd = [
            per_run([config.lr * value for config, value in zip(configs, column, strict=True)])
            for column in zip(*wd, strict=True)
        ]
        self.one_over_rows = torch.full_like(self._lr, 1 / rows)
        self.rate, self.rate_over_rows = self._lr.clone(), self._lr_over_rows.clone()
        self.decay = [each.clone() for each in self._lr_wd]
        self._gradients: dict[tuple[int, ...], Tensor] = {}

    def set_pace(self, pace: Pace) -> None:
        """Step size and weight decay of each run at this step, for plain gradient descent."""
        if pace is not STEADY:
            torch.mul(self._lr_over_rows, pace[0], out=self.rate_over_rows)
            for decay, full in zip(self.decay, self._lr_wd, strict=True):
                torch.mul(full, pace[0], out=decay)

    def set_rate(self, pace: Pace) -> None:
        """Step size of each run at this step, for the other optimisers."""
        if pace is not STEADY:
            torch.mul(self._lr, pace[0], out=self.rate)

    def gradient(self, like: Tensor) -> Tensor:
        """A buffer for a gradient of that shape."""
        if like.shape not in self._gradients:
            self._gradients[like.shape] = torch.empty_like(like)
        return self._gradients[like.shape]
