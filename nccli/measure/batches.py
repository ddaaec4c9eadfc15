"""A data set as a network takes it, batch by batch."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from nccli.measure.features import Labels

_BATCH = 256
"""A taste: the field's usual batch, which fits wherever the network was trained."""


@runtime_checkable
class Samples(Protocol):
    """What measuring needs of a data set on a device."""

    def __len__(self) -> int:
        """N."""

    def batch(self, index: Int[np.ndarray, " B"]) -> tuple[Tensor, Labels]:
        """Images of mean 0 and variance 1 by channel, and labels."""

    def pixels(self, index: Int[np.ndarray, " B"], unit: bool) -> tuple[Tensor, Labels]:
        """Images as they are in float32, bytes over 255 if `unit`, and labels."""


class Batches:
    """A set, batch by batch.

    Attributes:
        size: samples of a batch.
        grey: whether images of one channel are repeated, for a network that takes three.
    """

    def __init__(self, data: Samples, pixels: str, dtype: torch.dtype) -> None:
        """Batches of the usual size.

        Args:
            data: the set.
            pixels: "unit", "standard" or "raw", as `nccli.measure.own_network.measure_network` has them.
            dtype: of inputs that are floats.
        """
        self._data, self._pixels, self._dtype = data, pixels, dtype
        self.size, self.grey = _BATCH, False

    def take(self, index: Int[np.ndarray, " B"]) -> tuple[Tensor, Labels]:
        """Inputs as the network takes them, and labels."""
        unit = self._pixels == "unit"
        inputs, labels = self._data.batch(index) if self._pixels == "standard" else self._data.pixels(index, unit)
        if self.grey:
            inputs = inputs.expand(-1, 3, -1, -1)
        return inputs.to(self._dtype) if inputs.is_floating_point() else inputs, labels

    def __iter__(self) -> Iterator[tuple[Tensor, Labels]]:
        """All of them, in order."""
        for index in np.array_split(np.arange(len(self._data)), -(-len(self._data) // self.size)):
            yield self.take(index)


def precision(model: nn.Module) -> torch.dtype:
    """In which images are given to a network: that of its first parameter."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
