"""Class means and weights of a run as blocks of some layers each.

Class means after an activation are mostly max(0, those before it). So where a block has both, of one type, those after
it stand as the bits in which they differ from that: zeros, for the most part.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli.catalogue.stages import Stage, When
from nccli.metrics.digits import matrix_in_precision
from nccli.store.blocks.packed import pack, unpack

MOST_BYTES = 2**28
"""Of one block, unpacked: a layer of 5,000 × 3,000 in double precision, before and after activation."""

_TOGETHER = 2**20
"""Bytes of the layers of one block, a taste: runs of usual sizes have one, and no layer of a large one costs all."""

CLASS_MEANS, WEIGHTS, FEATURES, BIASES, OUTPUT = "class_means", "weights", "features", "biases", "output"
MOMENTS = ("moment1", "moment2")
STATE = (FEATURES, BIASES, *(f"{moment}_{of}" for moment in MOMENTS for of in (FEATURES, WEIGHTS)))
"""What it takes besides to go on from the end of a run: H_1 of all samples, where class means are not all of it,
biases, a column a layer, and what the optimiser remembers of H_1 and of W_1..W_L."""

SPECTRA = ("weight_spectrum", "feature_spectrum")
"""Singular values of a layer's own matrix and of all its features, a row: of anybody's networks."""

NAMES = (CLASS_MEANS, WEIGHTS, *STATE, *SPECTRA, OUTPUT)
"""What table `matrix` keeps."""

Matrices = Mapping[Stage, Float[np.ndarray, "_ _"]]


def pack_matrices(matrices: Matrices, kind: str) -> list[dict[str, Any]]:
    """Rows of table `matrix` without run and name: `layer`, the first of the block, and `block`.

    Args:
        matrices: by layer and stage.
        kind: from `nccli.store.blocks.precision.precision`.
    """
    rows = []
    for layers in _parts(matrices):
        kept: dict[str, np.ndarray] = {}
        before: dict[int, np.ndarray] = {}
        for stage in layers:
            array = np.ascontiguousarray(matrix_in_precision(matrices[stage], kind))
            if stage.stage == When.PRE:
                before[stage.layer] = array
            elif _goes_with(array, before.get(stage.layer)):
                array = _without(array, before[stage.layer])
            kept[f"{stage.layer} {stage.stage}"] = array
        rows.append({"layer": layers[0].layer, "block": pack(kept)})
    return rows


def unpack_matrices(block: bytes) -> dict[Stage, Float[np.ndarray, "_ _"]]:
    """The matrices of a block, in the order of layers and stages.

    Raises:
        ValueError: it holds no matrices, in words.
    """
    found: dict[Stage, np.ndarray] = {}
    for name, array in unpack(block, MOST_BYTES).items():
        layer, _, when = name.partition(" ")
        if not (layer.isascii() and layer.isdigit() and when in list(When)):
            raise ValueError(f"has '{name[:40]}', which is no layer at a stage")
        if array.ndim != 2 or array.dtype.kind != "f" or not array.size:
            raise ValueError(f"has at {name} no matrix of numbers")
        before = found.get(Stage(int(layer), When.PRE.value)) if when == When.POST else None
        found[Stage(int(layer), when)] = _without(array, before) if _goes_with(array, before) else array
    if not found:
        raise ValueError("has no matrix")
    return found


def _parts(matrices: Matrices) -> Iterator[Sequence[Stage]]:
    """Layers that share a block, whole ones, those before activation first."""
    part: list[Stage] = []
    size = 0
    ordered = sorted(matrices, key=lambda stage: (stage.layer, stage.stage == When.POST))
    for _, of_layer in groupby(ordered, key=lambda stage: stage.layer):
        layer = list(of_layer)
        own = sum(8 * matrices[stage].size for stage in layer)
        if part and size + own > _TOGETHER:
            yield part
            part, size = [], 0
        part, size = part + layer, size + own
    if part:
        yield part


def _goes_with(after: np.ndarray, before: np.ndarray | None) -> bool:
    return before is not None and before.shape == after.shape and before.dtype == after.dtype


def _without(array: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """Bits in which an array differs from max(0, before); its own inverse."""
    assert before is not None
    bits = np.dtype(f"<u{array.dtype.itemsize}")
    passed = np.where(before > 0, before, np.zeros_like(before))
    return np.asarray((array.view(bits) ^ passed.view(bits)).view(array.dtype))
