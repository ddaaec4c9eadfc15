"""NumPy arrays and PyTorch tensors by the operations that both have, so that what is no inner loop is written once."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from nccli.objective.objective import Array

__all__ = ["Array", "double", "library", "numpy_array", "square_sums"]


def library(array: Array) -> ModuleType:
    """`numpy` or `torch`, whichever the array is of."""
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]


def double(array: Array) -> Array:
    """A copy in float64."""
    if isinstance(array, np.ndarray):
        return array.astype(np.float64)
    return array.to(sys.modules["torch"].float64, copy=True)


def numpy_array(array: Array) -> NDArray[Any]:
    """The same numbers for NumPy, on the CPU."""
    found: NDArray[Any] = array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()
    return found


def square_sums(array: Float[Array, "runs *rest"]) -> Float[Array, " runs"]:
    """Σ x² over all axes but the first."""
    flat = array.reshape(len(array), -1)
    return (flat * flat).sum(axis=1)
