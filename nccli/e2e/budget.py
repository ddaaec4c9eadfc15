"""What a network's head costs in memory, known before it is built."""

from nccli.e2e.config import E2eConfig
from nccli.training.memory import require_memory

_BYTES_A_WEIGHT = 32
"""A bound: in float32 a weight, its gradient as it is computed and as it is kept, its momentum and decay, and copies of
weight and momentum while a step is tried or a state is kept."""

_BYTES_A_COVARIANCE = 16
"""A bound: an entry of a covariance in float64, and of the sums that it is made of; one a stage is measured at once."""


def require_room(config: E2eConfig, features: int, device: str) -> None:
    """Refuse a head that does not fit.

    Args:
        config: of the run.
        features: numbers a sample that the backbone gives.
        device: "cpu" or "cuda".

    Raises:
        InputError: less memory is free than it takes.
    """
    d, inner = config.width, config.L - 2
    weights = features * d + inner * d**2 + d * config.K
    samples = (2 * config.L * d + features) * config.batch
    need = _BYTES_A_WEIGHT * weights + 8 * samples + _BYTES_A_COVARIANCE * 2 * config.L * d**2
    what = f"a head of L {config.L}, width {d}"
    require_memory(what, need, "choose a smaller --width or --L", device)
