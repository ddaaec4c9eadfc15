"""Which class mean is nearest to each sample."""

from jaxtyping import Float, Int
from torch import Tensor


def nearest_mean(features: Float[Tensor, "B d"], means: Float[Tensor, "K d"]) -> Int[Tensor, " B"]:
    """As `nccli.metrics.nearest_class_mean`, on the device."""
    scores: Tensor = means.square().sum(dim=1) - 2 * features.to(means) @ means.T
    return scores.argmin(dim=1)
