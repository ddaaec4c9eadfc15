"""The initial point of a run: a function of its own configuration and seed alone."""

import numpy as np
from jaxtyping import Float

from nccli.dufm.config import DufmConfig
from nccli.dufm.start import StartPoint


def initial_point(
    config: DufmConfig, start: StartPoint | None = None
) -> tuple[Float[np.ndarray, "N d"], Float[np.ndarray, "hidden d d"], Float[np.ndarray, "d K"]]:
    """Draw the initial point in float64 on the CPU, so that every device and batch starts from the same numbers.

    Every entry of every parameter is N(0, s²/d) with s = init_scale: features have about unit norm, and linear layers
    keep it. The paper does not state its initialisation; with this one the settings of its Figure 2 end at ranks 5 to
    8, as they do there, and deep linear networks are stable at its step size 0.5.

    Args:
        config: of the run.
        start: the point that it begins at, with its noise, instead.

    Returns:
        H_1ᵀ, the stack of W_lᵀ for l < L, and W_Lᵀ.
    """
    if start is not None:
        start.require(config)
        return start.perturbed(config)
    rng = np.random.Generator(np.random.Philox(config.seed))
    K, L, d = config.K, config.L, config.width
    scale = config.init_scale / np.sqrt(d)
    shapes = ((config.n * K, d), (L - 1, d, d), (d, K))
    features, hidden, last = (scale * rng.standard_normal(shape) for shape in shapes)
    return features, hidden, last
