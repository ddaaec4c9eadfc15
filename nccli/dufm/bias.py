"""Biases as further rows of the transposed weights: V_l = [W_lᵀ; b_lᵀ], which reads X_l with a column of ones.

So every array that a layer with a bias has is one row longer, and optimisers, weight decay, checkpoints and norms treat
a bias as what it is, a part of its layer. Whether there is one is told by the shapes.
"""

import numpy as np
from jaxtyping import Float

from nccli.catalogue.options import BiasName
from nccli.dufm.arrays import Array, library
from nccli.dufm.config import DufmConfig


def with_biases(
    config: DufmConfig, hidden: Float[np.ndarray, "hidden d d"], last: Float[np.ndarray, "d K"]
) -> tuple[Float[np.ndarray, "hidden rows d"], Float[np.ndarray, "last_rows K"]]:
    """Initial weights V_l for l < L and V_L, with a row of zeros where the run has a bias."""
    if config.bias == BiasName.ALL:
        hidden = np.concatenate([hidden, np.zeros_like(hidden[:, :1])], axis=1)
    if config.bias != BiasName.NONE:
        last = np.concatenate([last, np.zeros_like(last[:1])])
    return hidden, last


def read_by(X: Float[Array, "runs N d"], V: Float[Array, "runs rows out"]) -> Float[Array, "runs N rows"]:
    """What V is multiplied by: X, with a column of ones where V has a bias."""
    if V.shape[1] == X.shape[2]:
        return X
    xp = library(X)
    return xp.concatenate([X, xp.ones_like(X[:, :, :1])], axis=2)


def split(V_T: Float[np.ndarray, "out rows"], d: int) -> tuple[Float[np.ndarray, "out d"], Float[np.ndarray, "out _"]]:
    """W and its bias of a matrix of one run; no column where there is no bias."""
    return V_T[:, :d], V_T[:, d:]
