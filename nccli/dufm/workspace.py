"""Buffers of a step and the constants of each run, made once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nccli.dufm.activation import has_kink
from nccli.dufm.batch import Batch
from nccli.dufm.buffered_activation import Activation, Identity, Leaky, Relu, ReluEps
from nccli.dufm.config import DufmConfig
from nccli.dufm.network import per_row, targets
from nccli.dufm.optimizers import FULL_PACE, Pace


class Workspace:
    """Buffers of a step and the constants of each run, made when first needed."""

    def __init__(self, batch: Batch, target: Tensor | None = None) -> None:
        """Allocate; parameters and moments are referred to, not copied, as a target is that is given."""
        configs, like = batch.configs, batch.parameters.features
        first, rows = configs[0], batch.rows

        def per_run(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float64).to(like).view(len(configs), 1, 1)

        self.all: list[Tensor] = batch.parameters.all
        self.V = self.all[1:]
        self.V_T = [V.transpose(1, 2) for V in self.V]
        self.moments = list(zip(*(m.all for m in batch.moments), strict=True)) or [()] * len(self.all)
        self.optimizer, self.objective = first.way_down, first.aim
        self.X = [like, *(torch.empty_like(like) for _ in range(first.L - 1))]
        self.X_T = [X.transpose(1, 2) for X in self.X]
        self.sigma = [_activation(first, layer, like) for layer in range(2, first.L + 1)]
        self.E = like.new_empty(len(configs), rows, first.K)
        self.D = (torch.empty_like(like), torch.empty_like(like))
        self.Y = torch.from_numpy(targets(first, rows)).to(like) if target is None else target

        wd = [(config.wd_h1, *config.wd_layers) for config in configs]
        self.wd = [per_run(column) for column in zip(*wd, strict=True)]
        self._lr = per_run([config.lr for config in configs])
        divisor, copies = per_row(batch.divisor, like), per_row(batch.copies, like)
        if isinstance(copies, int):
            self.share, self._behind = 1 / copies, None
            self._lr_over_rows = per_run([config.lr / rows for config in configs])
            self.one_over_rows = torch.full_like(self._lr, 1 / rows)
        else:
            self.share, self._behind = 1.0, copies
            self._lr_over_rows = self._lr / divisor
            self.one_over_rows = torch.ones_like(self._lr) / divisor
        self._lr_wd = [
            per_run([config.lr * value for config, value in zip(configs, column, strict=True)])
            for column in zip(*wd, strict=True)
        ]
        self.rate, self.rate_over_rows = self._lr.clone(), self._lr_over_rows.clone()
        self.decay = [each.clone() for each in self._lr_wd]
        self._gradients: dict[tuple[int, ...], Tensor] = {}

    def set_pace(self, pace: Pace) -> None:
        """Step size of each run at this step, and what it makes of weight decay where it is taken by itself."""
        if pace is FULL_PACE:
            return
        if self.optimizer.step_in_gradient:
            torch.mul(self._lr_over_rows, pace[0], out=self.rate_over_rows)
        else:
            self.set_rate(pace)
        if self.optimizer.step_in_gradient or self.optimizer.decoupled:
            for decay, full in zip(self.decay, self._lr_wd, strict=True):
                torch.mul(full, pace[0], out=decay)

    def set_rate(self, pace: Pace) -> None:
        """Step size of each run at this step."""
        torch.mul(self._lr, pace[0], out=self.rate)

    def in_one_sample(self, dX_1: Tensor) -> Tensor:
        """∂X_1 of all samples behind a row in one of them, but for the factor `share`; in place."""
        return dX_1 if self._behind is None else dX_1.div_(self._behind)

    def gradient(self, like: Tensor) -> Tensor:
        """A buffer for a gradient of that shape."""
        if like.shape not in self._gradients:
            self._gradients[like.shape] = torch.empty_like(like)
        return self._gradients[like.shape]


def _activation(config: DufmConfig, layer: int, like: Tensor) -> Activation:
    """σ that makes H_layer, for pre-activations of the shape, type and device of `like`."""
    if config.slope is not None:
        return Leaky(config.slope)
    if has_kink(config, layer):
        return Relu()
    return Identity() if config.epsilon is None else ReluEps(config.epsilon, like)
