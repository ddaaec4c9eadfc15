"""Which classes a point's hidden units see: the hypergraph of its hidden layers."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from nccli.theory import subsets_text

_ZERO = 1e-6
"""A bound: of the largest entry of a layer, below which a class is not seen; certified points have 1e-13 there."""

Matrix = Float[np.ndarray, "_ _"]


def unit_sets(means: Matrix, weights: Sequence[Matrix]) -> str | None:
    """A set of units for each class, the same in all hidden layers 2..L−1 up to the order of units.

    Units that see the same classes count once.

    Args:
        means: M_1, d × K.
        weights: W_1..W_L.

    Returns:
        As `nccli.theory.parse_hypergraph` reads it, units in the order of the classes that they see; None where layers
        differ, a class is in no unit or two classes are in the same, and for L = 2.
    """
    seen, hidden = [], means
    for W in weights[:-2]:
        hidden = np.maximum(W @ hidden, 0.0)
        sees = hidden > _ZERO * hidden.max(initial=0.0)
        seen.append({tuple(np.flatnonzero(row).tolist()) for row in sees} - {()})
    if not seen or any(each != seen[0] for each in seen):
        return None
    units = sorted(seen[0])
    sets = [tuple(v for v, unit in enumerate(units) if k in unit) for k in range(means.shape[1])]
    return None if () in sets or len(set(sets)) < len(sets) else subsets_text(sets)
