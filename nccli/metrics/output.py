"""What a network gives for each class, as a matrix: rank, and distance from logits that have a name.

A number that all outputs of a class share says nothing under the cross-entropy, and what every class has says nothing
of any; both are taken off before distances are measured.
"""

import math

import numpy as np
from jaxtyping import Float

from nccli.metrics.neural_collapse import etf_distance
from nccli.metrics.pairs import opposite_pairs
from nccli.metrics.spectrum import numerical_rank, singular_values

Output = Float[np.ndarray, "K K"]


def output_rank(output: Output) -> int:
    """Rank of the class means of the output, `nccli.metrics.numerical_rank` of their singular values."""
    return int(numerical_rank(singular_values(output)))


def output_etf_distance(output: Output) -> float:
    """‖G/‖G‖_F − E/‖E‖_F‖_F, G the Gram matrix of the classes' centred mean outputs, E = I − 11ᵀ/K.

    0 for logits a (I − 11ᵀ/K), those of DNC (Garrod and Keating 2025; theory sheet, section 6).

    Returns:
        In [0, √2]; nan where no class differs from another.
    """
    return etf_distance(_centred(output))


def output_pairs_distance(output: Output) -> float:
    """‖Z/‖Z‖_F − P/‖P‖_F‖_F, Z the centred class means of the output, P = diag([[1, −1], [−1, 1]], …) of pairs.

    0 for the block-diagonal logits of rank K/2 that beat DNC in deep linear networks (Garrod and Keating 2025; theory
    sheet, section 6). Each class goes with the one that its output is lowest for, and that way round.

    Returns:
        In [0, 2]; nan where K is odd, no class differs from another, or classes do not go together in pairs.
    """
    K, Z = len(output), _centred(output)
    size = float(np.linalg.norm(Z))
    found = opposite_pairs(Z) if K % 2 == 0 and size > 0 else None
    if found is None:
        return float("nan")
    first, second = found
    inner = float(np.sum(Z[first, first] + Z[second, second] - Z[first, second] - Z[second, first]))
    return math.sqrt(max(0.0, 2 - 2 * inner / (size * math.sqrt(2 * K))))


def _centred(output: Output) -> Output:
    """Without what all outputs of a class share, and what all classes have."""
    shifted = output - output.mean(axis=1, keepdims=True)
    return np.asarray(shifted - shifted.mean(axis=0))
