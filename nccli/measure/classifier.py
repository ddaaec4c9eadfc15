"""Which module makes the logits: the last linear map to run with an output for each class."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

Linear = nn.Linear | nn.Conv2d
"""A 1 × 1 convolution of maps of one position is a linear map too."""


def is_linear(module: nn.Module) -> bool:
    """Whether a module is a linear map of one vector a sample, as far as its kind tells."""
    return isinstance(module, nn.Linear) or (
        isinstance(module, nn.Conv2d) and tuple(module.kernel_size) == (1, 1) and module.groups == 1
    )


def matrix_of(module: nn.Module) -> Tensor:
    """(out, d) of a linear map."""
    weight = module.weight
    assert isinstance(weight, Tensor)
    return weight.detach().flatten(1)


def last_linear(model: nn.Module, outputs: int, forward: Callable[[], Any]) -> str | None:
    """Name of the last linear module with so many outputs that a pass runs; None without one that has a name.

    Args:
        model: the network.
        outputs: the size of its logits.
        forward: runs it.
    """
    ran: list[str] = []

    def look(name: str, module: nn.Module, given: tuple[Any, ...]) -> None:
        flat = isinstance(module, nn.Linear) or (given and tuple(given[0].shape[2:]) == (1, 1))
        if flat:
            ran.append(name)

    handles = [
        module.register_forward_pre_hook(lambda module, given, name=name: look(name, module, given))
        for name, module in model.named_modules()
        if is_linear(module) and len(matrix_of(module)) == outputs
    ]
    try:
        with torch.no_grad():
            forward()
    finally:
        for handle in handles:
            handle.remove()
    return ran[-1] if ran and ran[-1] else None
