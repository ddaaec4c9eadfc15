"""Which class mean is nearest to each sample."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

_TILE = 2**23
"""A taste: scores at once, 64 MiB in float64."""


def nearest_mean(features: Float[Tensor, "B d"], means: Float[Tensor, "K d"]) -> Int[Tensor, " B"]:
    """As `nccli.metrics.nearest_class_mean`, on the device, a few samples at a time where there are many classes."""
    squares = means.square().sum(dim=1)
    rows = max(1, _TILE // max(1, len(means)))
    parts = [(squares - 2 * part.to(means) @ means.T).argmin(dim=1) for part in torch.split(features, rows)]
    return torch.cat(parts) if len(parts) > 1 else parts[0]
