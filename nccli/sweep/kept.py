"""How much of a point the store keeps without being asked."""

from collections.abc import Collection

from nccli.dufm.config import DufmConfig
from nccli.training.measure_points import measure_steps

KEPT_BYTES = 2**16
"""A taste: weights of d = 30, L = 4 take 13 KiB, those of d = 64 53 KiB; of wide networks, MiB."""


def kept_bytes(config: DufmConfig, keep: Collection[str]) -> int:
    """What a run takes beside metrics, history and class means, uncompressed: weights and trajectory, where kept."""
    weights = weight_bytes(config)
    kept = weights if "weights" in keep or weights <= KEPT_BYTES else 0
    return kept + (trajectory_bytes(config) if "trajectory" in keep else 0)


def trajectory_bytes(config: DufmConfig) -> int:
    """What singular values and negative shares at every measurement of a run take, uncompressed."""
    points = len(measure_steps(config.steps))
    size = 4 if config.dtype == "float32" and not config.refine else 8
    return size * points * ((2 * config.L - 1) * config.K + config.L - 1)


def weight_bytes(config: DufmConfig) -> int:
    """What H_1 in class form and the weights of a run take, uncompressed."""
    K, L, d = config.K, config.L, config.width
    size = 4 if config.dtype == "float32" and not config.refine else 8
    return size * ((L - 1) * d**2 + 2 * K * d)
