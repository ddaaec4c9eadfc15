"""Metrics of layers as the flat dictionary of numbers that experiment loggers take."""

import math
from collections.abc import Iterable

from nccli.metrics import LayerMetrics


def scalars(layers: Iterable[LayerMetrics], prefix: str = "") -> dict[str, float]:
    """By "LAYER/METRIC" the numbers that are finite; a layer without a name goes by its number and stage."""
    return {
        f"{prefix}{layer.name or f'{layer.layer}.{layer.stage}'}/{metric}": float(value)
        for layer in layers
        for metric, value in layer.values.items()
        if value is not None and math.isfinite(value)
    }
