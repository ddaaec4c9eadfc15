"""How clearly a spectrum is of its rank: whether another tolerance would give another one."""

import numpy as np
from jaxtyping import Float

from nccli.metrics.spectrum import RANK_RTOL, numerical_rank


def spectral_gap(
    singular_values: Float[np.ndarray, "*batch r"], rtol: float = RANK_RTOL
) -> Float[np.ndarray, "*batch"]:
    """Last kept over first dropped singular value, s_rank/s_{rank+1}, with the rank of `numerical_rank`.

    Args:
        singular_values: largest first.
        rtol: tolerance of the rank, relative to the largest.

    Returns:
        In [1, ∞]: the rank is the same for all tolerances between s_rank/s_1 and that over the gap. ∞ where nothing is
        dropped (full rank), all that is dropped is zero to rounding, or nothing is kept (the zero matrix).
    """
    rank = numerical_rank(singular_values, rtol)
    padded = np.concatenate([singular_values, np.zeros_like(singular_values[..., :1])], axis=-1)
    kept = np.take_along_axis(padded, np.maximum(rank - 1, 0)[..., None], axis=-1)[..., 0]
    dropped = np.take_along_axis(padded, rank[..., None], axis=-1)[..., 0]
    rounding = singular_values.shape[-1] * np.finfo(np.float64).eps * np.max(padded, axis=-1)
    clear = (rank == 0) | (dropped <= rounding)
    return np.asarray(np.divide(kept, dropped, out=np.full(kept.shape, np.inf), where=~clear))
