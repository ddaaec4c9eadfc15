"""Metrics of the layers of a file."""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from nccli.measure.feature_file import FeatureFile
from nccli.measure.reader import Reader
from nccli.metrics import LayerData, LayerMetrics, class_statistics, layer_metrics
from nccli.training.memory import require_memory

_MOST_COVARIANCE = 2**31
"""A taste: 2 GiB, d = 16384; above, all is measured that needs no within-class covariance."""

_NO_READER = Reader()


def measure_features(found: FeatureFile, pool: str) -> tuple[list[LayerMetrics], dict[str, str], list[str]]:
    """Metrics of every layer of a file.

    Args:
        found: the file.
        pool: what to do with features of more than two axes: "flatten", or "mean" over positions.

    Returns:
        The layers; why others were skipped, by name; what else is to be said.
    """
    layers: list[LayerMetrics] = []
    skipped: dict[str, str] = {}
    said: list[str] = []
    for name, array in found.layers.items():
        X = _flat(array, pool)
        reader = found.readers.get(name, _NO_READER)
        weights = reader.classifier
        if weights is not None and weights.shape[1] != X.shape[1]:
            skipped[name] = f"weights of shape {weights.shape} do not read features of size {X.shape[1]}"
            continue
        whole = 8 * X.shape[1] ** 2 <= _MOST_COVARIANCE
        if not whole:
            said.append(f"{name}: d = {X.shape[1]}, so that nc1_pinv is left out; --pool mean makes it smaller")
        statistics = class_statistics(X, found.labels, found.K, whole)
        if weights is not None and len(weights) != found.K:
            said.append(f"{name}: its weights have {len(weights)} rows for K = {found.K} classes: no NC3 and no NC4")
            reader = _NO_READER
        nc4 = reader.disagreement(X, statistics.means)
        layers.append(
            layer_metrics(
                len(layers) + 1, "post", LayerData.of(statistics, weights, nc4, bias=reader.classifier_bias), name
            )
        )
    return layers, skipped, said


def _flat(array: NDArray[Any], pool: str) -> Float[np.ndarray, "N d"]:
    if array.ndim == 2 or pool == "flatten":
        return array.reshape(len(array), -1)
    require_memory(f"features of shape {array.shape}", 8 * array.size / array.shape[-1], "choose fewer samples")
    return np.asarray(array.mean(axis=1 if array.ndim == 3 else tuple(range(2, array.ndim)), dtype=np.float64))
