"""Several processes as one, under torchrun: each takes a share of every batch, and the result is that of one."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from nccli.errors import NccliError
from nccli.measure.streaming import StreamingStatistics
from nccli.training.group import Group

V = TypeVar("V")

_LETTING_GO = 0.1
"""Seconds; a taste: its threads need the interpreter for a moment only."""


class ProcessGroup(Group):
    """Several processes, joined by torch.distributed."""

    def __init__(self, rank: int, size: int) -> None:
        """As torchrun says."""
        self.rank, self.size = rank, size

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process."""
        shared = torch.tensor([float(flag)], device=self.device("cuda") if dist.get_backend() == "nccl" else "cpu")
        dist.all_reduce(shared)
        return bool(shared.item())

    def from_leader(self, value: Any) -> Any:
        """The leader's value, everywhere."""
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def leader_does(self, work: Callable[[], V]) -> V | None:
        """As `Group.leader_does`."""
        done, error = None, None
        if self.leads:
            try:
                done = work()
            except NccliError as raised:
                error = raised
        code = self.from_leader(error and error.exit_code)
        if code is not None:
            silent = NccliError()
            silent.exit_code = code
            raise error or silent
        return done

    def leader_first(self, work: Callable[[], V]) -> V:
        """As `Group.leader_first`."""
        kept: list[V] = []
        self.leader_does(lambda: kept.append(work()))
        return kept[0] if kept else work()

    def total(self, values: list[float], device: str) -> list[float]:
        """Sums over the processes."""
        shared = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(shared)
        return [float(value) for value in shared.tolist()]

    def add_up(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over the processes."""
        dist.all_reduce(tensor)

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by those of the leader."""
        for tensor in tensors:
            dist.broadcast(tensor, src=0)

    def merged(self, statistics: StreamingStatistics) -> StreamingStatistics:
        """Statistics of one layer over all processes, merged in the order of the ranks: the same numbers everywhere."""
        parts = [_gathered(tensor, self.size) for tensor in statistics.tensors() if tensor is not None]
        whole, *others = (
            StreamingStatistics.of(*each, *([None] if len(parts) == 3 else [])) for each in zip(*parts, strict=True)
        )
        for other in others:
            whole.merge(other)
        return whole

    def device(self, name: str) -> str:
        """The GPU of this process."""
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if name == "cuda" else name


def _gathered(tensor: Tensor, size: int) -> list[Tensor]:
    parts = [torch.empty_like(tensor) for _ in range(size)]
    dist.all_gather(parts, tensor.contiguous())
    return parts


@contextmanager
def joined(device: str) -> Iterator[Group]:
    """Join the group that torchrun has started, if any.

    Args:
        device: "cpu" (gloo) or "cuda" (nccl).
    """
    if not torchrun():
        yield Group()
        return
    group = ProcessGroup(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    # A thread of gloo's that lets go of a tensor while Python exits aborts the process, and torchrun then ends the
    # others. Destroying the group joins its threads, unless something keeps it: dynamo does when loaded after it.
    import_module("torch._dynamo")
    dist.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield group
    finally:
        dist.destroy_process_group()
        time.sleep(_LETTING_GO)  # compiled code keeps the group; its threads get the interpreter lock here


def torchrun() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ and "MASTER_ADDR" in os.environ


class _SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes; the loss is a sum over them too, so gradients add up likewise."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        """Σ over processes."""
        summed = values.clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Σ over processes of what each of them does with the sum."""
        summed = gradients[0].clone()
        dist.all_reduce(summed)
        return summed


def _over_processes(values: Tensor) -> Tensor:
    summed: Tensor = _SumOverProcesses.apply(values)
    return summed


class _GlobalNorm(nn.BatchNorm2d):
    """Batch normalisation over the batches of all processes, on any device; torch.nn.SyncBatchNorm wants a GPU."""

    def forward(self, input: Tensor) -> Tensor:
        """As BatchNorm2d on the whole batch; mean and variance in two passes, so that rounding is that of one."""
        if not self.training:
            return super().forward(input)
        input = input.float()  # where the rest is in bfloat16
        shape = (1, -1, 1, 1)
        count = torch.tensor(float(input.numel() // input.shape[1]))
        dist.all_reduce(count)
        mean = _over_processes(input.sum(dim=(0, 2, 3))) / count
        centred = input - mean.view(shape)
        variance = _over_processes(centred.square().sum(dim=(0, 2, 3))) / count
        with torch.no_grad():
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.momentum is not None
            assert self.num_batches_tracked is not None
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1).clamp_min(1), self.momentum)
            self.num_batches_tracked += 1
        scaled: Tensor = centred * torch.rsqrt(variance + self.eps).view(shape)
        return torch.addcmul(self.bias.view(shape), scaled, self.weight.view(shape))


def with_global_norm(module: nn.Module, device: str) -> nn.Module:
    """The module with batch normalisation over all processes; its parameters are the same objects."""
    if device.startswith("cuda"):
        synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        return synced
    for child in module.modules():
        if type(child) is nn.BatchNorm2d and child.track_running_stats and child.affine and child.momentum is not None:
            child.__class__ = _GlobalNorm
    return module
