"""The initial point of a run: a function of its own configuration and seed alone.

The paper does not state how it draws its points. With `normal` the settings of its Figure 2 end at ranks 5 to 8, as
they do there, and deep linear networks are stable at its step size 0.5.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from nccli.catalogue.options import InitName
from nccli.dufm.config import DufmConfig
from nccli.dufm.start import StartPoint

Draw = Callable[[np.random.Generator, tuple[int, ...], int], Float[np.ndarray, "*shape"]]
"""Entries of a shape at width d, before the scale init_scale/√d that all have in common."""


def initial_point(
    config: DufmConfig, start: StartPoint | None = None
) -> tuple[Float[np.ndarray, "N d"], Float[np.ndarray, "hidden d d"], Float[np.ndarray, "d K"]]:
    """Draw the initial point in float64 on the CPU, so that every device and batch starts from the same numbers.

    Features have about unit norm whatever the draw; all is multiplied by init_scale.

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
    draw_features, draw_weights = _DRAWS[InitName(config.init)]
    scale = config.init_scale / np.sqrt(d)
    features = scale * draw_features(rng, (config.N, d), d)
    hidden, last = (scale * draw_weights(rng, shape, d) for shape in ((L - 1, d, d), (d, K)))
    return features, hidden, last


def _normal(rng: np.random.Generator, shape: tuple[int, ...], d: int) -> Float[np.ndarray, "*shape"]:
    """N(0, 1/d) after the scale: linear layers keep the norm."""
    return rng.standard_normal(shape)


def _he(rng: np.random.Generator, shape: tuple[int, ...], d: int) -> Float[np.ndarray, "*shape"]:
    """N(0, 2/d) after the scale: layers of ReLU keep the norm (He et al. 2015)."""
    return math.sqrt(2) * rng.standard_normal(shape)


def _torch(rng: np.random.Generator, shape: tuple[int, ...], d: int) -> Float[np.ndarray, "*shape"]:
    """U(−1/√d, 1/√d) after the scale, of variance 1/(3d), as torch.nn.Linear draws its weights."""
    return rng.uniform(-1.0, 1.0, shape)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], d: int) -> Float[np.ndarray, "*shape"]:
    """Uniform of variance 1/d after the scale."""
    return math.sqrt(3) * rng.uniform(-1.0, 1.0, shape)


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...], d: int) -> Float[np.ndarray, "*shape"]:
    """Orthonormal rows or columns after the scale, whichever are fewer (Saxe et al. 2014), Haar-distributed."""
    *many, rows, columns = shape
    Q, R = np.linalg.qr(rng.standard_normal((*many, max(rows, columns), min(rows, columns))))
    Q = Q * np.sign(np.diagonal(R, axis1=-2, axis2=-1))[..., None, :]  # without it Q is not uniform (Mezzadri 2007)
    return math.sqrt(d) * np.ascontiguousarray(Q if rows >= columns else np.swapaxes(Q, -1, -2))


def _frame(rng: np.random.Generator, shape: tuple[int, ...], d: int) -> Float[np.ndarray, "*shape"]:
    """Features of mean square norm 1 after the scale: orthonormal ones, or of more than d a tight frame."""
    return math.sqrt(max(1.0, shape[0] / d)) * _orthogonal(rng, shape, d)


_DRAWS: dict[InitName, tuple[Draw, Draw]] = {
    InitName.NORMAL: (_normal, _normal),
    InitName.UNIFORM: (_uniform, _torch),
    InitName.ORTHOGONAL: (_frame, _orthogonal),
    InitName.HE: (_normal, _he),
}
"""Draws of H_1 and of weights by name."""
