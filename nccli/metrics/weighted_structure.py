"""Structures up to the lengths of class means: what the constructions are where classes are of unequal sizes.

The linear optimum of unequal classes has orthogonal means that are longer for smaller classes, and SRG solutions have
columns with weights (theory sheet, section 7). Their Gram matrices are not those of DNC and T(r); their cosines are.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from nccli.metrics.many_classes import structure_of_means
from nccli.metrics.spectrum import singular_values
from nccli.metrics.structure import CONSTANT, ETF, EVIDENCE, FRAME_PLUS_MEAN, NONE, ZERO, Structure

WEIGHTED = "weighted "
"""Before the name of a structure that the cosines have."""

_WITHOUT = (NONE, ZERO, CONSTANT, ETF, FRAME_PLUS_MEAN)
"""Structures that are of lengths too: of a common mean, which classes share by what they are long."""

_SHORTEST = 1e-3
"""A taste: a mean so much shorter than the longest has no angle worth the name, and no structure is looked for."""


def weighted_structure(means: Float[np.ndarray, "K d"], spectrum: Float[np.ndarray, " r"]) -> Structure:
    """As `nccli.metrics.many_classes.structure_of_means`, or "weighted NAME" where the cosines have a structure.

    Lengths are more to choose: they are only where nothing has a name without them, or the cosines fit three times
    better than that. The distance is then that of the cosines.

    Args:
        means: class means, one a row, not centred.
        spectrum: their singular values.
    """
    plain, norms = structure_of_means(means, spectrum), np.linalg.norm(means, axis=1, keepdims=True)
    if not norms.min() > _SHORTEST * norms.max():
        return plain
    turned = means / norms
    found = structure_of_means(turned, singular_values(turned))
    if found.name in _WITHOUT or (plain.name != NONE and not found.distance < plain.distance / EVIDENCE):
        return plain
    return replace(found, name=WEIGHTED + found.name)
