"""The order of classes and neurons in which their structure shows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sqlalchemy import Connection

from nccli.catalogue.stages import Stage, deciding_layers
from nccli.figures.figure import Row
from nccli.store import select_matrix

_DEAD = 1e-2
"""Of the largest entry, below which a neuron is at 0; taste: an eye sees none of its colour."""

_LARGE = 0.5
"""Of a neuron's largest entry, above which it belongs to a class; taste: half way."""


def class_order(
    connection: Connection, key: str, known: Mapping[Stage, Row], L: int
) -> tuple[Int[np.ndarray, " K"], bool]:
    """The permutation of the best recognised hidden layer and True; where none is, neighbours are alike, and False."""
    hidden = [known[stage] for stage in deciding_layers(L) if stage in known]
    best = min(hidden or known.values(), key=lambda layer: layer["structure_distance"])
    if best["structure"] != "none":
        return np.array(best["structure_order"]), True
    return _seriation(select_matrix(connection, key, best["layer"], best["stage"], "gram")), False


def _seriation(gram: Float[np.ndarray, "K K"]) -> Int[np.ndarray, " K"]:
    """Leaves of a clustering by angle, ordered so that neighbours are near (Bar-Joseph et al. 2001)."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    norms = np.sqrt(np.diag(gram).clip(min=1e-300))
    distance = 1.0 - gram / np.outer(norms, norms)
    condensed = squareform((distance + distance.T) / 2, checks=False).clip(min=0.0)
    return np.asarray(leaves_list(linkage(condensed, "average", optimal_ordering=True)))


def row_order(M: Float[np.ndarray, "d K"]) -> Int[np.ndarray, " rows"]:
    """Rows that are not zero, by the first classes that they are large on; so M̃_L has the rows of M_L first."""
    size = np.abs(M).max(axis=1)
    alive = np.flatnonzero(size > _DEAD * size.max(initial=0.0))
    if not alive.size:
        return np.arange(M.shape[0])
    passed = np.maximum(M, 0.0)
    tops = passed.max(axis=1)

    def pattern(row: int) -> tuple[Any, ...]:
        dead = bool(tops[row] <= _DEAD * size.max())
        large = M[row] < -_LARGE * size[row] if dead else passed[row] > _LARGE * tops[row]
        return (dead, *(~large).tolist(), row)

    return np.array(sorted(alive.tolist(), key=pattern))
