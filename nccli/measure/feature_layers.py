"""Metrics of the layers of a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from nccli.errors import InputError
from nccli.measure.feature_file import FeatureFile
from nccli.measure.named_arrays import arrays_in
from nccli.measure.reader import Reader
from nccli.metrics import LayerData, LayerMetrics, class_statistics, layer_metrics
from nccli.metrics.caveats import caveats
from nccli.training.memory import require_memory

_MOST_COVARIANCE = 2**31
"""A taste: 2 GiB, d = 16384; above, all is measured that needs no within-class covariance."""

_NO_READER = Reader()

Means = Mapping[str, Float[np.ndarray, " d"]]


def measure_features(
    found: FeatureFile, pool: str, ood: Path | None = None
) -> tuple[list[LayerMetrics], dict[str, str], list[str]]:
    """Metrics of every layer of a file.

    Args:
        found: the file.
        pool: what to do with features of more than two axes: "flatten", or "mean" over positions.
        ood: a file of out-of-distribution features of the same layers, for NC5.

    Returns:
        The layers; why others were skipped, by name; what else is to be said.

    Raises:
        InputError: none of the arrays of `ood` fits a layer.
    """
    beyond: Means = {} if ood is None else outside_means_of_file(ood, found.layers, pool)
    before: Float[np.ndarray, "out d"] | None = None
    layers: list[LayerMetrics] = []
    skipped: dict[str, str] = {}
    said: list[str] = []
    for name, array in found.layers.items():
        X = flat_rows(array, pool)
        reader = found.readers.get(name, _NO_READER)
        weights = reader.classifier
        if weights is not None and weights.shape[1] != X.shape[1]:
            skipped[name] = f"weights of shape {weights.shape} do not read features of size {X.shape[1]}"
            continue
        whole = 8 * X.shape[1] ** 2 <= _MOST_COVARIANCE
        if not whole:
            said.append(
                f"{name}: d = {X.shape[1]}, so that nc1_pinv and the spectrum of features are left out; --pool mean "
                "makes it smaller"
            )
        statistics = class_statistics(X, found.labels, found.K, whole)
        if weights is not None and len(weights) != found.K:
            said.append(f"{name}: its weights have {len(weights)} rows for K = {found.K} classes: no NC3 and no NC4")
            reader = _NO_READER
        nc4 = reader.disagreement(X, statistics.means)
        said += [f"{name}: {caveat}" for caveat in caveats(statistics)]
        made_by = before if before is not None and len(before) == X.shape[1] else None
        before = reader.weights
        data = LayerData.of(
            statistics, weights, nc4, bias=reader.classifier_bias, made_by=made_by, outside=beyond.get(name)
        )
        layers.append(layer_metrics(len(layers) + 1, "post", data, name))
    return layers, skipped, said


def flat_rows(array: NDArray[Any], pool: str) -> Float[np.ndarray, "N d"]:
    """Features, a row a sample: flattened, or their mean over positions."""
    if array.ndim == 2 or pool == "flatten":
        return array.reshape(len(array), -1)
    require_memory(f"features of shape {array.shape}", 8 * array.size / array.shape[-1], "choose fewer samples")
    return np.asarray(array.mean(axis=1 if array.ndim == 3 else tuple(range(2, array.ndim)), dtype=np.float64))


def outside_means_of_file(path: Path, layers: Mapping[str, NDArray[Any]], pool: str) -> Means:
    """Mean features by layer of a file of out-of-distribution features; its labels, if any, do not count.

    Args:
        path: of any kind that `arrays_in` reads; an array belongs to the layer of its name, the only one to the only.
        layers: features by name, as measured.
        pool: as above.

    Raises:
        InputError: no such file, or none of its arrays fits a layer.
    """
    arrays = {name: each for name, each in arrays_in(path).items() if each.dtype.kind == "f" and each.ndim > 1}
    if len(arrays) == len(layers) == 1:
        arrays = dict(zip(layers, arrays.values(), strict=True))
    means = {}
    for name, array in arrays.items():
        if name in layers and array.size and array.shape[1:] == layers[name].shape[1:]:
            means[name] = np.asarray(flat_rows(array, pool).mean(axis=0, dtype=np.float64))
            if not np.isfinite(means[name]).all():
                raise InputError(f"--ood {path}: '{name}' has nan or infinite entries")
    if not means:
        wanted = ", ".join(f"{name} of shape (N, {', '.join(map(str, X.shape[1:]))})" for name, X in layers.items())
        raise InputError(f"--ood {path}: no array of it fits a layer: wanted is {wanted}")
    return means
