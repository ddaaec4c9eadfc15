"""Several runs as one program: their networks side by side in one tensor, a step of all of them at once.

One small network keeps a GPU waiting: launching its hundred kernels takes longer than they run. Side by side, as many
networks cost as many launches as one. Parameters and momentum of a run are views into the common tensors, so that all
else (measuring, checkpoints, ends) goes on run by run, as if it were alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call, vmap

from nccli.e2e.checkpoint import RunCheckpoint
from nccli.e2e.config import E2eConfig
from nccli.e2e.denormals import flushed_denormals
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.loss import mini_batch_loss
from nccli.e2e.placement import threads_that_pay
from nccli.e2e.precision import products
from nccli.e2e.result import E2eResult, NetworkProgress
from nccli.e2e.train import Training
from nccli.training.threads import threads
from nccli.training.watch import Watch

SMALL = ("mlp", "small-cnn")
"""Backbones that pay: one step of one of them does not fill a GPU, and nothing in them is drawn at random."""

MOST = 32
"""A taste: runs in one program. More take memory, and fewer processes could share a grid."""

_NORM_FLOOR = 1e-6
"""As torch.nn.utils.clip_grad_norm_ has it."""


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
        yield from _train(group, threads_together(group, data))


def threads_together(runs: Sequence[Training], data: DeviceSet) -> int:
    """How many threads runs are worth side by side, where the layers of all are computed as one."""
    return threads_that_pay(runs[0].network, data.train.shape, runs[0].config.batch_size * len(runs))


def _train(runs: Sequence[Training], count: int) -> Iterator[E2eResult]:
    """Runs that have taken as many steps, on so many threads."""
    with threads(count), flushed_denormals(), products(runs[0].config.precision):
        ended = {i: result for i, run in enumerate(runs) if (result := run.begin()) is not None}
        yield from ended.values()
        side_by_side = SideBySide(runs)
        while len(ended) < len(runs):
            side_by_side.advance()
            for i, run in enumerate(runs):
                if i not in ended and (result := run.after_step()) is not None:
                    ended[i] = result
                    yield result


@dataclass(frozen=True)
class _Slot:
    """Where a parameter lies in the row of a run."""

    begin: int
    end: int
    shape: torch.Size


class SideBySide:
    """The networks of several runs in one tensor, a row a run."""

    def __init__(self, runs: Sequence[Training]) -> None:
        """Move the runs' parameters, buffers and momentum there; the runs keep views of their own.

        Args:
            runs: of one shape, at the same step.
        """
        self._runs, self._config = runs, runs[0].config
        networks = [run.network for run in runs]
        device = next(networks[0].parameters()).device
        self._slots = _slots(networks[0])
        self._rows = torch.stack([_row(dict(network.named_parameters()), self._slots) for network in networks])
        self._momentum = torch.stack([_row(_momentum_of(run), self._slots) for run in runs])
        self._decay = torch.stack([_row(_decays_of(run), self._slots) for run in runs])
        self._h1 = torch.tensor([run.regularizer.h1 for run in runs], dtype=torch.float32, device=device)
        self._parameters = {name: _part(self._rows, slot).requires_grad_() for name, slot in self._slots.items()}
        self._buffers = {
            name: torch.stack([dict(network.named_buffers())[name] for network in networks])
            for name, _ in networks[0].named_buffers()
        }
        for i, run in enumerate(runs):
            self._hand_out(i, run)

    def _hand_out(self, i: int, run: Training) -> None:
        """Let a run's own objects look into row i."""
        for name, parameter in run.network.named_parameters():
            parameter.data = self._parameters[name].detach()[i]
            if self._config.momentum:
                run.optimizer.state[parameter]["momentum_buffer"] = _part(self._momentum, self._slots[name])[i]
        for name, _ in list(run.network.named_buffers()):
            parent, _, own = name.rpartition(".")
            setattr(run.network.get_submodule(parent), own, self._buffers[name][i])

    def advance(self) -> None:
        """One step of every run on its own next batch; `Training.after_step` counts it."""
        batches = [run.next_batch() for run in self._runs]
        images, labels = (torch.stack(parts) for parts in list(zip(*batches, strict=True))[:2])
        lr = torch.tensor([run.rates[0] for run in self._runs], dtype=torch.float32).to(images.device)[:, None]
        risen = self._runs[0].rates[1]  # the same for all of one shape
        one = partial(self._loss_of_one, batches[0][2])
        losses = vmap(one)(self._parameters, self._buffers, images, labels, risen * self._h1)
        parts = torch.autograd.grad(losses.sum(), list(self._parameters.values()))
        gradient = torch.cat([part.flatten(1) for part in parts], dim=1)
        if self._config.clip:
            norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
            gradient *= (self._config.clip / (norms + _NORM_FLOOR)).clamp(max=1.0)
        with torch.no_grad():
            gradient.addcmul_(self._decay, self._rows, value=risen)
            self._momentum.mul_(self._config.momentum).add_(gradient)
            self._rows.addcmul_(self._momentum, lr, value=-1.0)

    def _loss_of_one(
        self,
        B: int,
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        images: Float[Tensor, "B C H W"],
        labels: Int[Tensor, " B"],
        h1: Float[Tensor, ""],
    ) -> Float[Tensor, ""]:
        features, output = functional_call(self._runs[0].network, {**parameters, **buffers}, (images,))
        return mini_batch_loss(self._config, h1, features, output, labels, B)


def _slots(network: nn.Module) -> dict[str, _Slot]:
    slots, begin = {}, 0
    for name, parameter in network.named_parameters():
        slots[name] = _Slot(begin, begin + parameter.numel(), parameter.shape)
        begin += parameter.numel()
    return slots


def _row(tensors: dict[str, Tensor], slots: dict[str, _Slot]) -> Float[Tensor, " P"]:
    """The parameters' tensors one after the other."""
    return torch.cat([tensors[name].detach().contiguous().reshape(-1) for name in slots])


def _part(rows: Float[Tensor, "runs P"], slot: _Slot) -> Float[Tensor, "runs *shape"]:
    """One parameter of all runs: a view."""
    return rows[:, slot.begin : slot.end].view(len(rows), *slot.shape)


def _momentum_of(run: Training) -> dict[str, Tensor]:
    state = run.optimizer.state
    return {
        name: torch.zeros_like(parameter) if (kept := state[parameter].get("momentum_buffer")) is None else kept
        for name, parameter in run.network.named_parameters()
    }


def _decays_of(run: Training) -> dict[str, Tensor]:
    decays = {id(parameter): decay for parameter, decay in run.regularizer.decays(run.network)}
    return {
        name: torch.full_like(parameter, decays[id(parameter)]) for name, parameter in run.network.named_parameters()
    }
