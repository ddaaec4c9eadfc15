"""Features of the initial network made as large as wanted, by the normalisations that feed them."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nccli.e2e.config import E2eConfig
from nccli.e2e.network import Network
from nccli.errors import InputError
from nccli.theory import solve_dnc

_PASSES = 2
"""A measurement: normalisations add ε to variances, so that once is not exact; twice is, to a part in a thousand."""


def feeding_norms(backbone: nn.Module) -> list[nn.Module]:
    """The normalisations whose weights, all times c, make the features c times themselves; none if it has no such.

    A backbone names them by a method `feeding_norms`: in a residual network those whose outputs are added up.
    """
    named = getattr(backbone, "feeding_norms", None)
    return [] if named is None else list(named())


def wanted_square(backbone: nn.Module, config: E2eConfig) -> float:
    """What the mean of ‖h_1‖² is to be at the start: `config.feature_scale` times that of the DNC solution.

    Raises:
        InputError: a run whose problem has no DNC solution, or a zero one; a backbone without norms to scale.
    """
    if config.problem is None or config.class_counts is not None:
        raise InputError("--feature-scale is over DNC's features: it needs --reg dufm and classes of equal size")
    if not feeding_norms(backbone):
        raise InputError(
            f"--feature-scale: backbone {config.backbone} has no normalisation that feeds its features: resnet20, "
            "small-cnn, or one with a method feeding_norms"
        )
    square = float((solve_dnc(config.problem).singular_values(1, "post") ** 2).sum()) / config.K
    if not square > 0:
        raise InputError("--feature-scale: the DNC solution of this problem is zero; a smaller --wd or --wd-h1")
    return config.feature_scale * square


@torch.no_grad()
def scale_features(network: Network, config: E2eConfig, images: Float[Tensor, "B C H W"]) -> None:
    """Scale the norms of an initial network so that the mean of ‖h_1‖² is `wanted_square`.

    Args:
        network: in training mode, on the device of the images; its running statistics stay as they are.
        config: of the run.
        images: a batch to measure features on.

    Raises:
        InputError: as `wanted_square`; or features that no factor makes so large.
    """
    wanted = wanted_square(network.backbone, config)
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    for _ in range(_PASSES):
        now = float(network.features(images).square().sum(1).mean())
        if not (now > 0 and math.isfinite(now)):
            raise InputError(f"--feature-scale: the initial features of backbone {config.backbone} are {now:g}")
        for norm in feeding_norms(network.backbone):
            norm.get_parameter("weight").mul_(math.sqrt(wanted / now))
    for name, buffer in network.named_buffers():
        buffer.copy_(kept[name])
