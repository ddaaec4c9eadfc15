"""How evenly class means lie on the sphere, where K > d + 1 leaves no room for a simplex ETF."""

import math

import numpy as np
from jaxtyping import Float

from nccli.metrics.pairs import pair_count, pair_distances


def uniformity(centred_means: Float[np.ndarray, "K d"]) -> float:
    """Hyperspherical uniformity: mean over pairs of log 1/‖m̂_a − m̂_b‖, m̂ = m/‖m‖ (Wu and Papyan 2024, GNC2).

    Returns:
        In [−log 2, ∞], without unit; the least that K points can have is that of the simplex ETF,
        −log(2K/(K−1))/2. ∞ where two means point the same way; nan where a mean is zero, or there is one class.
    """
    return _moments(centred_means)[0]


def uniformity_variation(centred_means: Float[np.ndarray, "K d"]) -> float:
    """Standard deviation over |mean| of log 1/‖m̂_a − m̂_b‖ over pairs (Wu and Papyan 2024, GNC2).

    Returns:
        In [0, ∞]; 0 where all are equally far from each other, as in a simplex ETF. nan as `uniformity`, and where two
        means point the same way.
    """
    mean, deviation = _moments(centred_means)
    if not math.isfinite(mean):
        return float("nan")
    return deviation / abs(mean) if mean else (float("inf") if deviation else float("nan"))


def _moments(centred_means: Float[np.ndarray, "K d"]) -> tuple[float, float]:
    """Mean and standard deviation over pairs, in two passes."""
    norms = np.linalg.norm(centred_means, axis=1)
    pairs = pair_count(len(norms))
    if not pairs or not norms.all():
        return float("nan"), float("nan")
    unit = centred_means / norms[:, None]
    with np.errstate(divide="ignore"):
        mean = sum(float(np.sum(-0.5 * np.log(apart))) for _, _, apart in pair_distances(unit)) / pairs
        if not math.isfinite(mean):
            return mean, float("nan")
        spread = sum(float(np.sum((-0.5 * np.log(apart) - mean) ** 2)) for _, _, apart in pair_distances(unit))
    return mean, math.sqrt(spread / pairs)
