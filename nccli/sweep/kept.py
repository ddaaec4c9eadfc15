"""How much of a point the store keeps without being asked."""

from nccli.dufm.config import DufmConfig

KEPT_BYTES = 2**16
"""A taste: weights of d = 30, L = 4 take 13 KiB, those of d = 64 53 KiB; of wide networks, MiB."""


def weight_bytes(config: DufmConfig) -> int:
    """What H_1 in class form and the weights of a run take, uncompressed."""
    K, L, d = config.K, config.L, config.width
    size = 4 if config.dtype == "float32" and not config.refine else 8
    return size * ((L - 1) * d**2 + 2 * K * d)
