"""The counts of batches in normalisations: known from the step, so that no step has to count."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nccli.errors import InputError

_COUNT = "num_batches_tracked"


def stop_counting(network: nn.Module) -> list[str]:
    """Take the counters away, where only the number of batches is in them; returns their names in a state.

    A count is a kernel a layer and step. A normalisation with `momentum` None needs its own, and keeps it.
    """
    found = []
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) and module.num_batches_tracked is not None and module.momentum is not None:
            module.num_batches_tracked = None
            found.append(f"{name}.{_COUNT}")
    return found


def counted(state: dict[str, Any], names: list[str], step: int) -> dict[str, Tensor]:
    """A state dictionary with the counts that the modules would have."""
    return {**state, **{name: torch.tensor(step) for name in names}}


def load_uncounted(network: nn.Module, state: dict[str, Any]) -> None:
    """Load such a state into a network that does not count.

    Raises:
        InputError: it is the state of another network; nothing is loaded.
    """
    there = network.state_dict()
    for name, value in there.items():
        if isinstance(value, Tensor) and getattr(state.get(name), "shape", None) != value.shape:
            raise InputError(f"the state is of a network with another {name}")
        there[name] = state[name]
    network.load_state_dict(there)  # with the versions that PyTorch notes in it: older ones would have counts
