"""The activations σ of the DUFM as functions of arrays; in `nccli.dufm.buffered_activation` they allocate nothing."""

from nccli.catalogue.options import ActivationName
from nccli.dufm.arrays import Array, library
from nccli.dufm.config import DufmConfig


def has_kink(config: DufmConfig, layer: int) -> bool:
    """Whether H_layer, layer >= 2, is made by ReLU, leaky or not: two linear pieces that meet at 0."""
    if config.activation == ActivationName.RELU_LAST:
        return layer == config.L
    return config.activation == ActivationName.RELU or config.slope is not None


def activate(config: DufmConfig, layer: int, z: Array) -> tuple[Array, Array | None]:
    """σ(z) and σ'(z) of layer >= 2, None for a slope of 1 everywhere.

    ReLU_ε is Definition 7 of Súkeník et al. 2024, z²(2ε−z)/ε² on [0, ε]. With t = clip(z, 0, ε) it is
    t²(2ε−t)/ε² + max(z−ε, 0), and its slope t(4ε−3t)/ε². ReLU has slope 0 at 0, leaky ReLU its lower one.
    """
    xp, s = library(z), config.slope
    if s is not None:
        return xp.where(z > 0, z, s * z), xp.where(z > 0, xp.ones_like(z), s)
    if has_kink(config, layer):
        return xp.clip(z, 0, None), z > 0
    if config.epsilon is None:
        return z, None
    e = config.epsilon
    t = xp.clip(z, 0, e)
    return t * t * (2 * e - t) / (e * e) + xp.clip(z - e, 0, None), t * (4 * e - 3 * t) / (e * e)
