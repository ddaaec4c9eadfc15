"""The history of a run as one block: an array a quantity, steps as differences."""

import math
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np

from nccli.catalogue.metrics import HISTORY as KEPT
from nccli.metrics.digits import DOUBLE, in_precision, loss_in_precision, matrix_in_precision
from nccli.metrics.drift import WINDOW
from nccli.store.blocks.packed import pack, unpack

MOST_BYTES = 2**26
"""Unpacked: a run of 1,000 layers has some 4 MiB, one of 20,000 epochs and 10 layers as much."""

_NUMBERS = ("loss", "fit", "reg", "grad_norm")
_OF_LAYERS = tuple(metric.name for metric in KEPT)
_WHOLE = frozenset(metric.name for metric in KEPT if metric.whole)
_MAYBE = ("train_accuracy",)

SPECTRA, NEGATIVE = "singular_values", "negative_share"
TRAJECTORY = (SPECTRA, NEGATIVE)
"""What a history has besides, where it was asked for: at each point lists over layers and stages of singular values,
largest first, and shares of layers 2..L before activation. Without, the latest points may have singular values."""

_DIMENSIONS = {**dict.fromkeys(_OF_LAYERS, 2), NEGATIVE: 2, SPECTRA: 3}

Arrays = dict[str, np.ndarray]


def pack_history(rows: Sequence[Mapping[str, Any]], kind: str) -> bytes:
    """Measurements during training.

    The loss is left out where it is fit + reg to the last bit.

    Args:
        rows: in the order of steps: step, loss, fit, reg, grad_norm, lists over layers and stages, train_accuracy; all
            of them may have `TRAJECTORY`, or the latest ones singular values.
        kind: type of numbers, from `nccli.store.blocks.precision.precision`.

    Raises:
        ValueError: rows of unequal length.
    """
    numbers = {name: np.array([row[name] for row in rows], dtype=DOUBLE) for name in _NUMBERS}
    if np.array_equal(numbers["loss"], numbers["fit"] + numbers["reg"], equal_nan=True):
        del numbers["loss"]
    steps = np.diff([row["step"] for row in rows], prepend=0).astype("<i4")
    arrays = {"step": steps, **{name: loss_in_precision(losses, kind) for name, losses in numbers.items()}}
    arrays["grad_norm"] = in_precision(numbers["grad_norm"], kind)
    for name in _OF_LAYERS:
        values = np.array([[float(value) for value in row[name]] for row in rows]).T
        arrays[name] = values.astype("<i4") if name in _WHOLE else in_precision(values, kind)
    for name in _MAYBE:
        found = [row.get(name) for row in rows]
        if found.count(None) < len(found):
            arrays[name] = np.array([np.nan if value is None else value for value in found], dtype=DOUBLE)
    latest = list(takewhile(lambda row: row.get(SPECTRA) is not None, reversed(rows)))[::-1]
    if latest:
        spectra = matrix_in_precision(np.array([row[SPECTRA] for row in latest], dtype=DOUBLE).T, kind)
        arrays[SPECTRA] = np.ascontiguousarray(spectra.swapaxes(0, 1))
    if len(latest) == len(rows) and all(row.get(NEGATIVE) is not None for row in rows):
        arrays[NEGATIVE] = matrix_in_precision(np.array([row[NEGATIVE] for row in rows], dtype=DOUBLE).T, kind)
    return pack(arrays)


def unpack_history(block: bytes) -> Arrays:
    """Arrays by quantity: `step`, losses and train_accuracy by point, quantities of layers by layer and point.

    Raises:
        ValueError: it is no history, in words.
    """
    arrays = unpack(block, MOST_BYTES)
    needed = {"step", "fit", "reg", "grad_norm", *_OF_LAYERS}
    if not needed <= set(arrays) <= needed | {"loss", *_MAYBE, *TRAJECTORY}:
        raise ValueError(f"has {', '.join(arrays)[:80]}, and a history has {', '.join(sorted(needed))}")
    points = arrays["step"].size
    for name, array in arrays.items():
        sizes = _DIMENSIONS.get(name, 1)
        whole = name == "step" or name in _WHOLE
        fitting = array.shape[-1:] == (points,) or (name == SPECTRA and NEGATIVE not in arrays)
        if array.ndim != sizes or not fitting or array.shape[-1] > points or (array.dtype.kind == "i") != whole:
            raise ValueError(f"has a {name} of another length or type than its steps")
    steps = np.cumsum(arrays["step"], dtype=np.int64)
    if "loss" not in arrays:
        arrays["loss"] = arrays["fit"] + arrays["reg"]
    return {**arrays, "step": steps}


def has_trajectory(block: bytes) -> bool:
    """Whether a block has `TRAJECTORY`; one that is no block has none."""
    try:
        return set(TRAJECTORY) <= set(unpack(block, MOST_BYTES))
    except (ValueError, TypeError):
        return False


def without_trajectory(block: bytes) -> bytes:
    """The same history without it, but with the latest singular values; what has none as it is."""
    if not has_trajectory(block):
        return block
    arrays = unpack(block, MOST_BYTES)
    steps = np.cumsum(arrays["step"], dtype=np.int64)
    arrays[SPECTRA] = np.ascontiguousarray(arrays[SPECTRA][:, :, WINDOW * steps >= steps[-1]])
    return pack({name: array for name, array in arrays.items() if name != NEGATIVE})


def history_rows(block: bytes) -> list[dict[str, Any]]:
    """The inverse of `pack_history`.

    Raises:
        ValueError: as `unpack_history`.
    """
    arrays = unpack_history(block)
    names = ("step", *_NUMBERS, *_OF_LAYERS)
    columns = {name: arrays[name].T.tolist() for name in names}
    for name in _MAYBE:
        kept = arrays[name].tolist() if name in arrays else [math.nan] * arrays["step"].size
        columns[name] = [None if math.isnan(value) else value for value in kept]
    for name in TRAJECTORY:
        if name in arrays:
            told = np.moveaxis(arrays[name], -1, 0).tolist()
            columns[name] = [None] * (arrays["step"].size - len(told)) + told
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
