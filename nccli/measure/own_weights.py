"""Weights of the modules of a network, as metrics of layers take them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from nccli.measure.classifier import is_linear, matrix_of


def own_matrix(module: nn.Module | None) -> Float[np.ndarray, "out in"] | None:
    """The weight of a module with a row an output, positions of a convolution in the rows; None without one."""
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or weight.dim() < 2 or not weight.is_floating_point():
        return None
    flat = weight.detach().flatten(1)
    return np.asarray((flat.T if isinstance(module, _IN_FIRST) else flat).double().cpu().numpy())


_IN_FIRST = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
"""Modules whose weights have the inputs first."""


def bias_of(module: nn.Module) -> Float[np.ndarray, " out"] | None:
    """The bias of a module, in float64."""
    bias = getattr(module, "bias", None)
    return np.asarray(bias.detach().double().cpu().numpy()) if isinstance(bias, Tensor) else None


def made_before(reader: nn.Module, ran: Sequence[nn.Module]) -> Float[np.ndarray, "d in"] | None:
    """The matrix that makes what a linear module reads: of the last module with weights before it, if that is linear.

    Args:
        reader: the module.
        ran: modules in the order in which they ran.
    """
    before = ran[: ran.index(reader)] if reader in ran else ran
    weighted = [module for module in before if own_matrix(module) is not None]
    if not weighted or not is_linear(weighted[-1]):
        return None
    matrix = matrix_of(weighted[-1])
    return np.asarray(matrix.double().cpu().numpy()) if len(matrix) == matrix_of(reader).shape[1] else None
