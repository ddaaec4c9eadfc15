"""Steps of gradient descent of which everything lies on the device: a step asks nothing of the host, nor tells it.

Images, the order of the samples, the rates and every parameter are there; a counter walks through them. So one step is
the same sequence of kernels as the next, which a GPU can be given as a whole (`nccli.e2e.captured`).
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nccli.e2e.augmentation import DRAWS, augmented
from nccli.e2e.batches import Batches, part_of
from nccli.e2e.config import E2eConfig
from nccli.e2e.device_images import DeviceImages
from nccli.e2e.flat import Flat
from nccli.e2e.loss import mini_batch_loss
from nccli.e2e.network import Network
from nccli.e2e.noise import random_bits
from nccli.e2e.regularizer import make_regularizer
from nccli.training.group import Group

_MOST_AHEAD = 256
"""A taste: steps whose samples are on the device before they are taken; a multiple of what a graph holds."""

_LEAST_AHEAD = 8

_INDICES_AHEAD = 2**20
"""A taste: 8 MB of indices."""

_NORM_FLOOR = 1e-6
"""As torch.nn.utils.clip_grad_norm_ has it."""


class Gradients(Protocol):
    """The gradients of networks, all at once."""

    def write(
        self, into: Sequence[Tensor], images: Float[Tensor, "B C H W"], targets: Float[Tensor, "B K"], h1: Tensor
    ) -> None:
        """Write the gradients of the mini-batch losses, weight decay of parameters left out.

        Args:
            into: a tensor (runs, *shape) a trained parameter, in the order of the networks.
            images, targets: of this process, run after run.
            h1: λ_{H_1} of each run.
        """


class Descent:
    """Runs of one shape at one step, a row a run.

    Attributes:
        flat: parameters and momentum.
        ahead: steps whose samples are on the device at once.
        step: that the next `take` takes.
    """

    def __init__(
        self,
        configs: Sequence[E2eConfig],
        networks: Sequence[Network],
        flat: Flat,
        data: DeviceImages,
        gradients: Gradients,
        group: Group,
        step: int,
    ) -> None:
        """Before step `step` of each run.

        Args:
            configs: of the runs; they differ in learning rate, seed, size of weights and decays at most.
            networks: whose parameters are the rows of `flat`.
            flat: on the device of the data.
            data: the training set.
            gradients: of these networks.
            group: processes that share each batch.
            step: steps taken.
        """
        self._configs, self._networks, self._data, self._gradients = configs, networks, data, gradients
        self._group, self.flat, self.step = group, flat, step
        self._config = configs[0]
        device, layout = flat.values.device, flat.layout
        self._batches = [Batches(config) for config in configs]
        self._gradient = torch.zeros_like(flat.values)
        self._into = list(layout.views(self._gradient).values())
        self._decay = torch.stack([layout.vector(_decays(*each)) for each in zip(configs, networks, strict=True)])
        self._decayed = _nonzero(self._decay)
        self._h1 = torch.tensor([config.wd_h1 for config in configs], device=device)
        self._targets = torch.eye(self._config.K, device=device)
        mine = part_of(np.arange(self._config.batch), group.size, group.rank)
        ahead = _INDICES_AHEAD // (len(configs) * len(mine)) // _LEAST_AHEAD * _LEAST_AHEAD
        self.ahead = min(_MOST_AHEAD, max(_LEAST_AHEAD, ahead))
        self._counter = torch.tensor([step], device=device)
        self._queue = torch.zeros(self.ahead, len(configs), len(mine), dtype=torch.int64, device=device)
        self._rates = torch.ones(self.ahead, len(configs) + 1, device=device)
        self._seeds = torch.tensor([config.seed for config in configs], device=device).repeat_interleave(len(mine))
        self._places = torch.from_numpy(mine).to(device).repeat(len(configs))
        self._filled: int | None = None

    def fill(self) -> None:
        """Put samples and rates of the steps around the next one on the device, where they are not."""
        first = self.step - self.step % self.ahead
        if self._filled == first:
            return
        self._filled = first
        orders = [
            np.stack([part_of(batch, self._group.size, self._group.rank) for batch in each.of_steps(first, self.ahead)])
            for each in self._batches
        ]
        self._queue.copy_(torch.from_numpy(np.stack(orders, axis=1)))
        factors = self._config.rates.of_steps(first, self.ahead, self._config.steps)
        rates = np.concatenate([factors[:, :1] * [config.lr for config in self._configs], factors[:, 1:]], axis=1)
        self._rates.copy_(torch.from_numpy(rates))

    def noise(self) -> int:
        """The seed of what the network of the first run draws at the next step, in this process."""
        return self._batches[0].noise(self.step) + self._group.rank

    def take(self) -> None:
        """A step. Its samples must be there (`fill`), and whoever calls it counts `step`."""
        config, runs = self._config, len(self._configs)
        row = self._counter.remainder(self.ahead)
        index = self._queue.index_select(0, row).view(-1)
        rates = self._rates.index_select(0, row)[0]
        images = self._data.take(index)
        if config.augment:
            images = augmented(images, random_bits(self._seeds, self._counter, self._places, DRAWS))
        targets = self._targets.index_select(0, self._data.labels.index_select(0, index))
        risen = rates[runs]
        self._gradients.write(self._into, images, targets, self._h1 * risen if config.wd_rise else self._h1)
        with torch.no_grad():
            self._move(rates[:runs, None], risen)
            self._counter.add_(1)

    def _move(self, lr: Float[Tensor, "runs 1"], risen: Float[Tensor, ""]) -> None:
        """Gradient clipped, decay, momentum, step: the arithmetic of torch.optim.SGD after clip_grad_norm_."""
        config, gradient, part = self._config, self._gradient, self._decayed
        self._group.add_up(gradient)
        if config.clip:
            norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
            gradient.mul_((config.clip / (norms + _NORM_FLOOR)).clamp(max=1.0))
        decay = self._decay[:, part]
        gradient[:, part].addcmul_(decay * risen if config.wd_rise else decay, self.flat.values[:, part])
        moved = gradient
        if config.momentum:
            moved = self.flat.momentum
            torch.add(gradient, moved, alpha=config.momentum, out=moved)
        self.flat.values.addcmul_(moved, lr, value=-1.0)

    def state(self) -> list[Tensor]:
        """All tensors that a step changes for the next one."""
        buffers = [buffer for network in self._networks for buffer in network.buffers()]
        return [self.flat.values, self.flat.momentum, self._counter, *buffers]


def _decays(config: E2eConfig, network: Network) -> dict[str, Tensor]:
    decays = {id(parameter): decay for parameter, decay in make_regularizer(config).decays(network)}
    return {name: torch.full_like(each, decays[id(each)]) for name, each in network.named_parameters()}


def _nonzero(decay: Float[Tensor, "runs P"]) -> slice:
    """The shortest part of the rows outside of which nothing decays."""
    found = decay.any(dim=0).nonzero().flatten().tolist()
    return slice(found[0], found[-1] + 1) if found else slice(0, 0)


class AloneGradients:
    """Of one network, by automatic differentiation."""

    def __init__(self, config: E2eConfig, network: Network, forward: Callable[..., Any]) -> None:
        """Of a run.

        Args:
            config: of the run.
            network: whose trained parameters the gradients are of.
            forward: computes what the network does: itself, or what a compiler made of it.
        """
        self._config, self._forward = config, forward
        self._parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]

    def write(
        self, into: Sequence[Tensor], images: Float[Tensor, "B C H W"], targets: Float[Tensor, "B K"], h1: Tensor
    ) -> None:
        """As `Gradients.write`; of parameters that have no part in the output, zero."""
        features, output = self._forward(images)
        loss = mini_batch_loss(self._config, h1[0], features, output, targets)
        found = torch.autograd.grad(loss, self._parameters, allow_unused=True, materialize_grads=True)
        torch._foreach_copy_([view[0] for view in into], list(found))
