"""Several runs as one program: their networks side by side in one tensor, a step of all of them at once.

One small network keeps a GPU waiting: launching its hundred kernels takes longer than they run. Side by side, as many
networks cost as many launches as one. Parameters and momentum of a run are views into the common tensors, so that all
else (measuring, checkpoints, ends) goes on run by run, as if it were alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, vmap

from nccli.e2e.captured import steps_of
from nccli.e2e.checkpoint import RunCheckpoint
from nccli.e2e.config import E2eConfig
from nccli.e2e.denormals import flushed_denormals
from nccli.e2e.descent import Descent
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.flat import Flat, Layout
from nccli.e2e.loss import mini_batch_loss
from nccli.e2e.placement import threads_that_pay
from nccli.e2e.precision import products
from nccli.e2e.result import E2eResult, NetworkProgress
from nccli.e2e.steps import Steps
from nccli.e2e.train import Training
from nccli.errors import InputError
from nccli.training.group import Group
from nccli.training.threads import threads
from nccli.training.watch import Watch

SMALL = ("mlp", "small-cnn")
"""Backbones that pay: one step of one of them does not fill a GPU, and nothing in them is drawn at random."""

MOST = 32
"""A taste: runs in one program. More take memory, and fewer processes could share a grid."""


def shape_of(config: E2eConfig) -> E2eConfig:
    """What runs must share to be trained together: all but learning rate, seed, size of weights and weight decays."""
    with_h1 = float(config.wd_h1 > 0)
    return replace(config, lr=1.0, seed=0, init_scale=1.0, wd_h1=with_h1, wd_layers=(1.0,) * config.L)


def train_together(
    configs: Sequence[E2eConfig],
    data: DeviceSet,
    watches: Sequence[Watch[NetworkProgress]],
    checkpoints: Sequence[RunCheckpoint | None],
) -> Iterator[E2eResult]:
    """Train runs of one shape, from their starts or their checkpoints; each ends as it would alone, up to rounding.

    Args:
        configs: runs with the same `shape_of`.
        data: what they are trained on, on its device.
        watches: who watches, one a run.
        checkpoints: where the states are kept, one a run.

    Yields:
        The results as the runs end, whose order is not that of the configurations.

    Raises:
        InputError: all of them take more memory than the GPU has.
    """
    runs = [
        Training(config, data, watch, checkpoint=checkpoint)
        for config, watch, checkpoint in zip(configs, watches, checkpoints, strict=True)
    ]
    for run in runs:
        run.resume()
    by_step: dict[int, list[Training]] = {}
    for run in runs:
        by_step.setdefault(run.step, []).append(run)
    for group in by_step.values():
        try:
            yield from _train(group, data, threads_together(group, data))
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"{len(group)} networks side by side take more memory than the GPU has left: --one-by-one"
            ) from error


def threads_together(runs: Sequence[Training], data: DeviceSet) -> int:
    """How many threads runs are worth side by side, where the layers of all are computed as one."""
    return threads_that_pay(runs[0].network, data.train.shape, runs[0].config.batch_size * len(runs))


def _train(runs: Sequence[Training], data: DeviceSet, count: int) -> Iterator[E2eResult]:
    """Runs that have taken as many steps, on so many threads."""
    with threads(count), flushed_denormals(), products(runs[0].config.precision):
        ended = {i: result for i, run in enumerate(runs) if (result := run.begin()) is not None}
        yield from ended.values()
        if len(ended) == len(runs):
            return
        steps = steps_together(runs, data)
        while len(ended) < len(runs):
            taken = next(run for i, run in enumerate(runs) if i not in ended).until_next_look(steps.most)
            steps.advance(taken)
            for i, run in enumerate(runs):
                if i not in ended and (result := run.after_steps(taken)) is not None:
                    ended[i] = result
                    yield result


def steps_together(runs: Sequence[Training], data: DeviceSet) -> Steps:
    """Steps of all runs at once."""
    side_by_side = SideBySide(runs)
    configs, networks = [run.config for run in runs], [run.network for run in runs]
    descent = Descent(configs, networks, side_by_side.flat, data.train, side_by_side, Group(), runs[0].step)
    return steps_of(descent, data.device.startswith("cuda"), runs[0].watch.on_note)


class SideBySide:
    """The gradients of several networks as one program, in which each is a slice of the common tensors."""

    def __init__(self, runs: Sequence[Training]) -> None:
        """Move the runs' parameters, buffers and momentum there; the runs keep views of their own.

        Args:
            runs: of one shape, at the same step.
        """
        self._config, self._network = runs[0].config, runs[0].network
        networks = [run.network for run in runs]
        layout = Layout(self._network, channels_last=False)
        momentum = torch.stack([layout.from_plain(run.flat.plain_momentum) for run in runs])
        self.flat = Flat(networks, layout, momentum)
        self._parameters = {
            name: view.requires_grad_() for name, view in layout.views(self.flat.values.detach()).items()
        }
        self._buffers = {
            name: torch.stack([dict(network.named_buffers())[name] for network in networks])
            for name, _ in self._network.named_buffers()
        }
        if self._network.autocast:
            _hand_normalisations_float32(self._network)
        for i, run in enumerate(runs):
            run.flat = self.flat.row(i)
            for name, _ in list(run.network.named_buffers()):
                parent, _, own = name.rpartition(".")
                setattr(run.network.get_submodule(parent), own, self._buffers[name][i])

    def write(
        self, into: Sequence[Tensor], images: Float[Tensor, "B C H W"], targets: Float[Tensor, "B K"], h1: Tensor
    ) -> None:
        """As `nccli.e2e.descent.Gradients.write`."""
        runs = len(h1)
        images, targets = (part.reshape(runs, -1, *part.shape[1:]) for part in (images, targets))
        losses = vmap(self._loss_of_one)(self._parameters, self._buffers, images, targets, h1)
        gradients = torch.autograd.grad(losses.sum(), list(self._parameters.values()))
        torch._foreach_copy_(list(into), list(gradients))

    def _loss_of_one(
        self,
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        images: Float[Tensor, "B C H W"],
        targets: Float[Tensor, "B K"],
        h1: Float[Tensor, ""],
    ) -> Float[Tensor, ""]:
        features, output = functional_call(self._network, {**parameters, **buffers}, (images,))
        return mini_batch_loss(self._config, h1, features, output, targets)


def _hand_normalisations_float32(network: nn.Module) -> None:
    """Let normalisations compute in float32 where the rest is in bfloat16.

    vmap's rule for them makes a placeholder weight in the type of the input, and the backward pass then reads float32
    statistics as bfloat16: "Expected running_mean to have type BFloat16 but got Float" on a GPU.
    """

    def in_float32(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(each.float() for each in inputs)

    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.register_forward_pre_hook(in_float32)
