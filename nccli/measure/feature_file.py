"""Features, labels and weights of anybody's network from a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from nccli.errors import InputError
from nccli.measure.array_file import read_npz
from nccli.measure.labels import read_labels
from nccli.metrics import LayerData, LayerMetrics, class_statistics, layer_metrics
from nccli.training.memory import require_memory

SUFFIXES = (".npz", ".safetensors", ".pt")
_MOST_SIZE = 1e60
"""A bound: fourth powers of smaller ones, added up, stay within float64."""

_MOST_COVARIANCE = 2**31
"""A taste: 2 GiB, d = 16384."""


@dataclass(frozen=True, eq=False)
class FeatureFile:
    """What a file holds.

    Attributes:
        layers: features by name, (N, d) or with more axes, in the order of the file.
        labels: class of each sample, 0..K−1, all used.
        weights: of the linear layer that reads the features, by the layer's name.
        remark: what was done with the labels; "" where they are 0..K−1.
    """

    layers: dict[str, NDArray[Any]]
    labels: Int[np.ndarray, " N"]
    weights: dict[str, Float[np.ndarray, "out d"]]
    remark: str = ""

    @property
    def K(self) -> int:
        """Classes."""
        return int(self.labels.max()) + 1


def read_features(path: Path) -> FeatureFile:
    """Arrays `labels`, `features` (or one array a layer under any other name) and perhaps `weights`.

    `weights` belongs to `features`, or to the last layer; `weights_NAME` to layer NAME. A .pt file holds a dictionary
    of tensors, in which `features` may also be a list or a dictionary of tensors.

    Raises:
        InputError: a file that is missing, damaged or holds something else; labels out of range or of one class;
            features that are not finite or do not fit the labels.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    arrays = _arrays(path)
    if "labels" not in arrays:
        raise InputError(f"{path}: no array 'labels'; it has {', '.join(arrays) or 'none'}")
    read = read_labels(arrays.pop("labels"), f"{path.name}: labels")
    labels = read.classes
    weights = {name: arrays.pop(name) for name in list(arrays) if name == "weights" or name.startswith("weights_")}
    if not arrays or not labels.size:
        raise InputError(f"{path}: {'no samples' if arrays else 'no features beside the labels'}")
    if len(read.names) < 2:
        raise InputError(f"{path}: all samples are of one class; at least two classes are needed")
    for name, array in arrays.items():
        if array.dtype.kind != "f" or array.ndim < 2 or len(array) != len(labels):
            raise InputError(
                f"{path}: '{name}' is {array.dtype} of shape {array.shape}; features are floats, one row for each of "
                f"the {len(labels)} labels"
            )
        if not array.size:
            raise InputError(f"{path}: '{name}' has shape {array.shape}: there is nothing to measure")
        if not np.isfinite(array).all():
            raise InputError(f"{path}: '{name}' has nan or infinite entries")
        largest = max(float(array.max(initial=0.0)), -float(array.min(initial=0.0)))
        if largest and not 1 / _MOST_SIZE <= largest <= _MOST_SIZE:
            raise InputError(
                f"{path}: '{name}' has entries of size {largest:.0e}, too far from 1 to be squared: rescale"
            )
    return FeatureFile(arrays, labels, _assigned(path, weights, list(arrays)), read.remark)


def measure_features(found: FeatureFile, pool: str) -> tuple[list[LayerMetrics], dict[str, str]]:
    """Metrics of every layer of a file, and why layers were skipped, by name."""
    layers: list[LayerMetrics] = []
    skipped: dict[str, str] = {}
    for name, array in found.layers.items():
        require_memory(f"'{name}', of shape {array.shape},", 2 * 8 * array.size, "choose fewer samples")
        X = _flat(array, pool)
        if 8 * X.shape[1] ** 2 > _MOST_COVARIANCE:
            skipped[name] = f"d = {X.shape[1]}: its covariance does not fit into memory; --pool mean makes it smaller"
            continue
        statistics = class_statistics(X, found.labels, found.K)
        weights = found.weights.get(name)
        if weights is not None and weights.shape[1] != X.shape[1]:
            skipped[name] = f"weights of shape {weights.shape} do not read features of size {X.shape[1]}"
            continue
        layers.append(layer_metrics(len(layers) + 1, "post", LayerData.of(statistics, weights), name))
    return layers, skipped


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    if path.suffix == ".npz":
        return read_npz(path)
    from nccli.measure.tensor_file import plain_array, read_safetensors, read_torch_file

    if path.suffix == ".safetensors":
        found: Any = read_safetensors(path)
    else:
        found = read_torch_file(path, "file")
    if not isinstance(found, dict):
        raise InputError(f"{path}: holds {type(found).__name__}; a dictionary with 'features' and 'labels' is wanted")
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in found.items():
        if isinstance(value, list | tuple):
            parts: dict[Any, Any] = {f"{name}_{i}": part for i, part in enumerate(value, 1)}
        else:
            parts = value if isinstance(value, dict) else {name: value}
        for key, part in parts.items():
            arrays[str(key)] = plain_array(part, f"{path}: '{key}'")
    return arrays


def _assigned(path: Path, weights: dict[str, NDArray[Any]], layers: list[str]) -> dict[str, NDArray[Any]]:
    found = {}
    for name, array in weights.items():
        layer = (
            name.removeprefix("weights_") if name != "weights" else "features" if "features" in layers else layers[-1]
        )
        if layer not in layers:
            raise InputError(f"{path}: '{name}' belongs to no layer: there are {', '.join(layers)}")
        if array.dtype.kind != "f" or array.ndim != 2 or not np.isfinite(array).all():
            raise InputError(f"{path}: '{name}' must be a matrix (out, d) of finite floats")
        found[layer] = array.astype(np.float64)
    return found


def _flat(array: NDArray[Any], pool: str) -> Float[np.ndarray, "N d"]:
    wide = array.astype(np.float64)
    if wide.ndim == 2 or pool == "flatten":
        return wide.reshape(len(wide), -1)
    return np.asarray(wide.mean(axis=1 if wide.ndim == 3 else tuple(range(2, wide.ndim))))
