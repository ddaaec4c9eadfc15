"""Products of a matrix with its own transpose, of which only one half is worked out."""

import numpy as np
from jaxtyping import Float

_TILE = 512
"""A taste: two tiles of float64 stay in a cache of 4 MiB."""


def add_scatter(total: Float[np.ndarray, "d d"], rows: Float[np.ndarray, "B d"], sign: float = 1.0) -> None:
    """Add sign · rowsᵀ rows to the upper half of a matrix, in place; its lower half stays as it is.

    Args:
        total: in C order, float64; `mirror` completes it.
        rows: float64.
        sign: 1 or −1.
    """
    from scipy.linalg.blas import dsyrk  # a sixth of the start of every command

    if rows.size:
        dsyrk(sign, np.ascontiguousarray(rows).T, beta=1.0, c=total.T, overwrite_c=1, lower=1)


def mirror(total: Float[np.ndarray, "d d"]) -> None:
    """Make a matrix symmetric, in place, by its upper half."""
    for start in range(0, len(total), _TILE):
        end = start + _TILE
        total[end:, start:end] = total[start:end, end:].T
        corner = np.triu(total[start:end, start:end])
        total[start:end, start:end] = corner + np.triu(corner, 1).T
