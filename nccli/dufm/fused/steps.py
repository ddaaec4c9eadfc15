"""Steps of a batch by the fused kernel."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from nccli.catalogue.options import ActivationName, DtypeName
from nccli.catalogue.runs import StepsBy
from nccli.dufm.arrays import numpy_array
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.fused.fused_shape import FusedShape
from nccli.dufm.kernel_check import checked_run, takes_the_right_step
from nccli.dufm.measurement import Measurement, measure
from nccli.dufm.remarks import remark
from nccli.dufm.steps import Steps

NOT_FUSED = "a CUDA graph takes the steps, some times slower than the fused kernel"

_LEAST_SLICE = 64
"""A taste: steps of a run in one go; reading and writing its state costs about as much as one."""

_MOST_SLICES = 24
"""A taste: by then blocks end within some hundredths of each other."""

_ACTIVATIONS = (ActivationName.RELU.value, ActivationName.RELU_LAST.value, ActivationName.LINEAR.value)


class Launches(Protocol):
    """What launches the kernel: `nccli.dufm.fused.launch.Kernel`, or an emulation of it.

    Attributes:
        slots: runs that are held at a time.
    """

    slots: int

    def launch(self, blocks: int, arguments: Sequence[Tensor | int | None]) -> None:
        """So many blocks, with these arguments of `nccli_steps`."""


class FusedSteps(Steps):
    """Steps of a copy of the batch; a run's numbers depend neither on its neighbours nor on the steps of a launch."""

    by = StepsBy.FUSED
    torch_version = str(torch.__version__)

    def __init__(self, batch: Batch, shape: FusedShape, kernel: Launches, device: str = "cuda") -> None:
        """Lay the runs out as the kernel wants them.

        Args:
            batch: whose runs are advanced; NumPy arrays.
            shape: from `FusedShape.of`.
            kernel: compiled for it.
            device: where the runs lie.
        """
        self._batch, self._kernel, self._config = batch, kernel, batch.configs[0]
        self._state = torch.zeros(len(batch.configs), shape.size, dtype=torch.float32, device=device)
        views = shape.views(self._state)
        for seen, array in zip(views.stored, batch.parameters.stored, strict=True):
            seen.copy_(torch.from_numpy(array))
        self._there = Batch(batch.configs, views, (), batch.reduced)
        self._coefficients = _coefficients(batch).to(device)
        self._queue = torch.zeros(1 + len(batch.configs), dtype=torch.int32, device=device)

    def advance(self, first: int, count: int) -> None:
        """See `Steps.advance`."""
        if count == 0:
            return
        paces, device = self._config.paces(first, count), self._state.device
        pace = None if paces is None else torch.from_numpy(paces[:, 0].copy()).to(torch.float32).to(device)
        runs = len(self._batch.configs)
        slice_ = math.ceil(count / slices(runs, self._kernel.slots, count))
        self._queue.zero_()
        where = (self._state, self._coefficients, pace)
        self._kernel.launch(min(runs, self._kernel.slots), (*where, runs, count, slice_, self._queue))
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    def sync(self) -> None:
        """See `Steps.sync`."""
        for array, seen in zip(self._batch.parameters.stored, self._there.parameters.stored, strict=True):
            array[...] = numpy_array(seen)

    def measure(self) -> Measurement:
        """See `Steps.measure`."""
        return measure(self._there)


def slices(runs: int, slots: int, count: int) -> int:
    """Into how many parts to cut the steps of a launch so that all blocks end at about the same time."""
    if runs <= slots:
        return 1

    def waste(parts: int) -> float:
        return math.ceil(runs * parts / slots) / (runs * parts / slots)

    return min(range(1, max(1, min(_MOST_SLICES, count // _LEAST_SLICE)) + 1), key=waste)


def is_fused(config: DufmConfig, rows: int, most_shared: int) -> bool:
    """Whether the kernel takes runs like this one.

    Args:
        config: any of them.
        rows: of the features, samples or classes.
        most_shared: bytes of shared memory that a block may have.
    """
    known = config.activation in _ACTIVATIONS and config.dtype == DtypeName.FLOAT32.value
    plain = config.way_down.step_in_gradient and not config.aim.c_rows
    one_hot = config.targets_print is None and config.class_counts is None
    return known and plain and one_hot and FusedShape.of(config, rows).shared <= most_shared


def fused_steps(batch: Batch) -> FusedSteps | None:
    """The fused kernel's steps of a batch on PyTorch's GPU; None where it does not take them, or cannot be had."""
    if not is_fused(batch.configs[0], batch.rows, most_shared()):
        return None
    shape = FusedShape.of(batch.configs[0], batch.rows)
    kernel = _kernel(shape)
    return None if kernel is None else FusedSteps(batch, shape, kernel)


def most_shared() -> int:
    """Bytes of shared memory that a block may have on PyTorch's GPU."""
    card = torch.cuda.get_device_properties(torch.cuda.current_device())
    return int(card.shared_memory_per_block_optin)  # type: ignore[attr-defined]


@lru_cache(maxsize=256)
def _kernel(shape: FusedShape) -> Launches | None:
    """The kernel of a shape, if it takes the right step."""
    from nccli.dufm.fused.launch import Kernel

    try:
        kernel = Kernel(shape)
        if not is_sound(shape, kernel):
            raise OSError("its first step is not that of the gradient")
    except ImportError as error:
        remark(NOT_FUSED, f"{error.name or error} is not installed")
        return None
    except OSError as error:
        remark(NOT_FUSED, str(error))
        return None
    return kernel


def is_sound(shape: FusedShape, kernel: Launches, device: str = "cuda") -> bool:
    """Whether a kernel's first step, of one run of the shape, is the one that the gradient in float64 asks for."""

    def steps_of(batch: Batch) -> Steps:
        return FusedSteps(batch, shape, kernel, device)

    sizes = (shape.K, shape.L, shape.rows // shape.K, shape.width)  # a row a class is as good as one sample a class
    return takes_the_right_step(checked_run(*sizes, activation=shape.activation, objective=shape.objective), steps_of)


def _coefficients(batch: Batch) -> Float[Tensor, "runs coefficients"]:
    """(runs, L + 3), see `nccli_steps`."""
    share = 1 / float(batch.copies)
    made = [[c.lr / batch.rows, share, *(c.lr * wd for wd in (c.wd_h1, *c.wd_layers))] for c in batch.configs]
    return torch.tensor(made, dtype=torch.float64).to(torch.float32)
