"""Features, one row a sample or a token, of what a module puts out."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nccli.measure.outputs import main_tensor

Labels = Int[Tensor, "B"] | Int[Tensor, "B T"]

IGNORED = -1
"""The label of a token that belongs to no class."""


class NotMeasurableError(ValueError):
    """Why an output has no features."""


def flat_features(output: Float[Tensor, "B *rest"], pool: str) -> Float[Tensor, "B d"]:
    """Outputs as one vector a sample: flattened, or their mean over positions.

    Positions are all axes but the sample's and, of sequences (B, T, d), the last, of images (B, C, H, W), the second.
    """
    if output.dim() == 2:
        return output
    if pool == "flatten":
        return output.flatten(1)
    positions: Sequence[int] = (1,) if output.dim() == 3 else tuple(range(2, output.dim()))
    wide = output if output.dtype == torch.float64 else output.float()
    return wide.mean(dim=tuple(positions))


def rows_of(output: Any, shape: Sequence[int], pool: str) -> tuple[Float[Tensor, "R d"], str]:
    """Features for labels of a shape, a row for each label, and at which place of the output they stood.

    Args:
        output: of a module.
        shape: (B,) for a label a sample, (B, T) for a label a token.
        pool: what to do with outputs of more than two axes, of a label a sample.

    Raises:
        NotMeasurableError: the output has no tensor of floats, or none with a row for each label.
    """
    found = main_tensor(output)
    if found is None:
        raise NotMeasurableError(f"its output is {type(output).__name__} without a tensor of floats")
    place, tensor = found
    if not tensor.is_floating_point():
        raise NotMeasurableError(f"its output is {tensor.dtype}")
    size = tuple(tensor.shape)
    if len(shape) == 1:
        if tensor.dim() < 2 or len(tensor) != shape[0]:
            raise NotMeasurableError(f"its output has shape {size} for {shape[0]} samples")
        return flat_features(tensor, pool), place
    B, T = shape
    if tensor.dim() >= 3 and size[:2] == (B, T):
        return tensor.flatten(0, 1).flatten(1), place
    if tensor.dim() == 2 and len(tensor) == B * T:
        return tensor, place
    raise NotMeasurableError(f"its output has shape {size} for {B} × {T} tokens")


def first_of(given: tuple[Any, ...]) -> Any:
    """The first of what a module is called with; None where all of it comes by name."""
    return given[0] if given else None
