"""Features, labels and what reads them, of anybody's network from a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from nccli.errors import InputError
from nccli.measure.labels import Labels, read_labels
from nccli.measure.named_arrays import FEATURES, LABELS, named_arrays
from nccli.measure.reader import LOGITS, Reader, readers

_MOST_SIZE = 1e60
"""A bound: fourth powers of smaller ones, added up, stay within float64."""


@dataclass(frozen=True, eq=False)
class FeatureFile:
    """What a file holds.

    Attributes:
        layers: features by name, (N, d) or with more axes, in the order of the file.
        labels: class of each sample, 0..K−1, all used.
        readers: weights, bias and logits of the linear layer that reads the features, by the layer's name.
        remarks: what was done, for people.
    """

    layers: dict[str, NDArray[Any]]
    labels: Int[np.ndarray, " N"]
    readers: Mapping[str, Reader] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def K(self) -> int:
        """Classes."""
        return int(self.labels.max()) + 1

    @property
    def weights(self) -> dict[str, Float[np.ndarray, "out d"]]:
        """Of the layers that have some, by name."""
        return {name: reader.weights for name, reader in self.readers.items() if reader.weights is not None}

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """All that was read, in an order that only the content decides."""
        read = [array for reader in self.readers.values() for array in reader.arrays]
        return [self.labels, *self.layers.values(), *read]


def read_features(path: Path, labels: Path | None = None) -> FeatureFile:
    """Arrays `labels`, `features` (or one array a layer under any other name), perhaps `weights`, `bias`, `logits`.

    These belong to `features`, or to the last layer; `weights_NAME`, `bias_NAME` and `logits_NAME` to layer NAME.

    Args:
        path: as `nccli.measure.named_arrays.named_arrays` takes it.
        labels: the same.

    Raises:
        InputError: a file that is missing, damaged or holds something else; labels out of range or of one class;
            features that are not finite or do not fit the labels; weights, bias or logits that fit no layer.
    """
    arrays, remarks = named_arrays(path, labels)
    read = read_labels(arrays.pop(LABELS), f"{path.name}: labels")
    own = {name: arrays.pop(name) for name in list(arrays) if _reads(name)}
    if not arrays and set(own) == {LOGITS}:
        arrays[LOGITS] = own.pop(LOGITS)
    if not arrays or not read.classes.size:
        raise InputError(f"{path}: {'no samples' if arrays else 'no features beside the labels'}")
    if len(read.names) < 2:
        raise InputError(f"{path}: all samples are of one class; at least two classes are needed")
    for name, array in arrays.items():
        _require_features(path, name, array, read)
    names = list(arrays)
    found, said = readers(path, own, names, FEATURES if FEATURES in names else names[-1], read)
    remarks += [read.remark] if read.remark else []
    return FeatureFile(arrays, read.classes, found, (*remarks, *said))


def _reads(name: str) -> bool:
    kinds = ("weights", "bias", LOGITS)
    return name in kinds or name.startswith(tuple(f"{kind}_" for kind in kinds))


def _require_features(path: Path, name: str, array: NDArray[Any], read: Labels) -> None:
    if array.dtype.kind != "f" or array.ndim < 2 or len(array) != len(read.classes):
        raise InputError(
            f"{path}: '{name}' is {array.dtype} of shape {array.shape}; features are floats, one row for each of "
            f"the {len(read.classes)} labels"
        )
    if not array.size:
        raise InputError(f"{path}: '{name}' has shape {array.shape}: there is nothing to measure")
    low, high = float(array.min()), float(array.max())  # nan and inf show in them, without a copy
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(f"{path}: '{name}' has nan or infinite entries")
    largest = max(high, -low)
    if largest and not 1 / _MOST_SIZE <= largest <= _MOST_SIZE:
        raise InputError(f"{path}: '{name}' has entries of size {largest:.0e}, too far from 1 to be squared: rescale")
