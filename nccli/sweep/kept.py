"""How much of a point the store keeps without being asked."""

from collections.abc import Collection

from nccli.dufm.config import DufmConfig
from nccli.dufm.saved import measured_at

KEPT_BYTES = 2**16
"""A taste, of weights and of what it takes besides to go on: weights of d = 30, L = 4 take 13 KiB, of d = 64 53 KiB."""


def kept_bytes(config: DufmConfig, keep: Collection[str]) -> int:
    """What a run takes beside metrics, history and class means, uncompressed: point and trajectory, where kept."""
    parts = (weight_bytes(config), 0 if config.finishes else state_bytes(config))
    kept = sum(part for part in parts if "weights" in keep or part <= KEPT_BYTES)
    return kept + (trajectory_bytes(config) if "trajectory" in keep else 0)


def trajectory_bytes(config: DufmConfig) -> int:
    """What singular values and negative shares at every measurement of a run take, uncompressed."""
    points = len(measured_at(config))
    return _size(config) * points * ((2 * config.L - 1) * config.K + config.L - 1)


def weight_bytes(config: DufmConfig) -> int:
    """What H_1 in class form and the weights of a run take, uncompressed."""
    K, L, d = config.K, config.L, config.width
    return _size(config) * ((L - 1) * d**2 + 2 * K * d)


def state_bytes(config: DufmConfig) -> int:
    """What it takes besides to go on from the end: H_1 of all samples, and what the optimiser remembers."""
    K, L, d = config.K, config.L, config.width
    features = config.N * d
    return _size(config) * (features + config.way_down.moments * (features + (L - 1) * d**2 + K * d))


def _size(config: DufmConfig) -> int:
    """Bytes of a number."""
    return 4 if config.dtype == "float32" and not config.finishes else 8
