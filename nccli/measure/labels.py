"""Classes of samples as somebody's file has them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nccli.errors import InputError


def as_labels(array: NDArray[Any], name: str) -> NDArray[np.int64]:
    """(N,) int64 from integers of shape (N,) or (N, 1), or from floats that are integers.

    Raises:
        InputError: anything else.
    """
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if flat.ndim != 1 or flat.dtype.kind not in "iuf":
        raise InputError(f"{name} is {array.dtype} of shape {array.shape}: labels are one integer a sample")
    if flat.dtype.kind == "f" and not (np.isfinite(flat).all() and (flat == np.floor(flat)).all()):
        raise InputError(f"{name} has labels that are no integers")
    if flat.size and (flat.min() < 0 or flat.max() >= flat.size):
        bad = flat.min() if flat.min() < 0 else flat.max()
        raise InputError(f"{name}: label {bad:g} is out of range: labels are 0..K-1, all used")
    return flat.astype(np.int64)
