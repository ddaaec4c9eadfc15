"""The trained parameters of networks as one vector each, and what belongs to them as vectors of the same layout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nccli.errors import InputError

_ALIGN = 64
"""A bound: elements, 256 bytes, at multiples of which kernels like tensors to begin."""


@dataclass(frozen=True)
class Slot:
    """Where a parameter lies: its numbers, with the channels of a convolution last where `last` says so."""

    begin: int
    end: int
    shape: torch.Size
    last: bool


class Layout:
    """Where each trained parameter of a network lies in a vector; between them are zeros.

    Attributes:
        slots: by name, in the order of the network.
        size: P, of the vector.
    """

    def __init__(self, network: nn.Module, channels_last: bool = True) -> None:
        """Of the parameters that have a gradient.

        Raises:
            InputError: a parameter is not float32.
        """
        self.slots: dict[str, Slot] = {}
        self.size = 0
        for name, parameter in network.named_parameters():
            if not parameter.requires_grad:
                continue
            if parameter.dtype != torch.float32:
                raise InputError(f"parameter {name} is {parameter.dtype}: networks are trained in torch.float32")
            end = self.size + parameter.numel()
            self.slots[name] = Slot(self.size, end, parameter.shape, channels_last and parameter.dim() == 4)
            self.size = -(-end // _ALIGN) * _ALIGN

    def vector(self, tensors: Mapping[str, Tensor]) -> Float[Tensor, " P"]:
        """A vector with these numbers."""
        found = torch.zeros(self.size, device=next(iter(tensors.values())).device)
        for name, view in self.views(found[None]).items():
            view[0].copy_(tensors[name].detach())
        return found

    def views(self, rows: Float[Tensor, "runs P"]) -> dict[str, Tensor]:
        """The parameters of all runs by name, (runs, *shape) each: views."""
        found = {}
        for name, slot in self.slots.items():
            part = rows[:, slot.begin : slot.end]
            if slot.last:
                after, before, *size = slot.shape
                found[name] = part.view(-1, after, *size, before).permute(0, 1, 4, 2, 3)
            else:
                found[name] = part.view(-1, *slot.shape)
        return found

    def plain(self, vector: Float[Tensor, " P"]) -> Float[Tensor, " p"]:
        """The numbers alone, in the order of the network and of PyTorch's layout."""
        return torch.cat([view[0].reshape(-1) for view in self.views(vector[None]).values()])

    def from_plain(self, numbers: Float[Tensor, " p"]) -> Float[Tensor, " P"]:
        """The inverse of `plain`."""
        sizes = [slot.end - slot.begin for slot in self.slots.values()]
        parts = zip(self.slots.items(), torch.split(numbers, sizes), strict=True)
        return self.vector({name: part.view(slot.shape) for (name, slot), part in parts})


class Flat:
    """Parameters and momentum of networks of one layout, a row a network, into which the networks look.

    Attributes:
        layout: of the rows.
        values: the parameters.
        momentum: of each; zeros at the start.
    """

    def __init__(self, networks: Sequence[nn.Module], layout: Layout, momentum: Float[Tensor, "runs P"] | None) -> None:
        """Move the parameters there."""
        self.layout = layout
        self.values = torch.stack([layout.vector(dict(network.named_parameters())) for network in networks])
        self.momentum = torch.zeros_like(self.values) if momentum is None else momentum
        for name, views in layout.views(self.values).items():
            for network, view in zip(networks, views, strict=True):
                network.get_parameter(name).data = view

    @classmethod
    def of(cls, network: nn.Module) -> "Flat":
        """Of one network, its convolutions channels last."""
        return cls([network], Layout(network), None)

    @property
    def plain_momentum(self) -> Float[Tensor, " p"]:
        """Of the first network, as a checkpoint keeps it."""
        return self.layout.plain(self.momentum[0])

    def take_momentum(self, numbers: Float[Tensor, " p"]) -> None:
        """Set that of the first network to what `plain_momentum` was."""
        self.momentum[0].copy_(self.layout.from_plain(numbers))

    def row(self, i: int) -> "Flat":
        """One of the networks; the numbers are the same ones."""
        alone = object.__new__(Flat)
        alone.layout, alone.values, alone.momentum = self.layout, self.values[i : i + 1], self.momentum[i : i + 1]
        return alone
