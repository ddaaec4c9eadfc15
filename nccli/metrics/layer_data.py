"""What is known of one layer at one stage, and every declared metric that follows from it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli.catalogue.metrics import METRICS, Metric, Need
from nccli.metrics.class_statistics import ClassStatistics
from nccli.metrics.spectrum import singular_values


@dataclass(frozen=True, eq=False)
class LayerData:
    """What metrics are measured from; each `Need` is an attribute, None where it is not there.

    Attributes:
        means: class means, one class a row, not centred.
        weights: (out, d) of the linear map that reads the layer.
        statistics: of the samples, with or without their covariance.
        given: metrics that need samples or predictions, measured by whoever saw these pass, by name.
        reads_out: whether the weights make the network's output of this layer, as W_L does of H_L.
    """

    means: Float[np.ndarray, "K d"]
    weights: Float[np.ndarray, "out d"] | None = None
    statistics: ClassStatistics | None = None
    given: Mapping[str, float | None] = field(default_factory=dict)
    reads_out: bool = False

    @classmethod
    def of(
        cls,
        statistics: ClassStatistics,
        weights: Float[np.ndarray, "out d"] | None = None,
        nc4: float | None = None,
        reads_out: bool = False,
    ) -> "LayerData":
        """Of a layer whose samples have been accumulated; of weights, rows of labels without samples are left out."""
        given = {"dnc1": statistics.dnc1, "nc4": nc4}
        classes = statistics.classes
        if weights is not None and classes is not None and len(weights) > classes[-1]:
            weights = weights[classes]
        return cls(statistics.means, weights, statistics, given, reads_out)

    @cached_property
    def spectrum(self) -> Float[np.ndarray, " r"]:
        """Singular values of the class means, largest first."""
        return singular_values(self.means)

    @cached_property
    def centred_means(self) -> Float[np.ndarray, "K d"]:
        """Class means minus their mean, whatever the sizes of the classes."""
        shifted = self.means - self.means[:1]  # so that a common offset costs no digits
        return np.asarray(shifted - shifted.mean(axis=0))

    @property
    def covariance(self) -> ClassStatistics | None:
        """The statistics where Σ_W is among them."""
        return self.statistics if self.statistics is not None and self.statistics.within is not None else None

    @property
    def classifier(self) -> Float[np.ndarray, "K d"] | None:
        """The weights where they have a row a class."""
        return self.weights if self.weights is not None and self.weights.shape == self.means.shape else None

    @property
    def output(self) -> Float[np.ndarray, "K K"] | None:
        """Class means of the network's output, one a row, where the layer makes it and it has an entry a class."""
        if not self.reads_out or self.weights is None or len(self.weights) != len(self.means):
            return None
        return np.asarray(self.means @ self.weights.T)

    def measured(self, metrics: Iterable[Metric], stage: str) -> dict[str, float | int | None]:
        """Metrics by name; None where one does not exist, or needs what is not there."""
        return {metric.name: self._value(metric) if stage in metric.stages else None for metric in metrics}

    def _value(self, metric: Metric) -> float | int | None:
        if {Need.SAMPLES, Need.PREDICTIONS} & set(metric.needs):
            found: Any = self.given.get(metric.name)
        else:
            arguments = [getattr(self, need.value) for need in metric.needs]
            found = None if any(each is None for each in arguments) else function_of(metric)(*arguments)
        if found is None or (np.isnan(found) and not metric.always):
            return None
        return int(found) if metric.whole else float(found)


@cache
def function_of(metric: Metric) -> Callable[..., Any]:
    """The function of a metric."""
    module = import_module(f"nccli.metrics.{metric.module}")
    function: Callable[..., Any] = getattr(module, metric.function or metric.name)
    return function


_TOLD_BY_MEANS = frozenset({Need.MEANS, Need.SPECTRUM, Need.CENTRED})
"""What a stored run can be asked for that it was not asked for before."""


def remeasured(data: LayerData | None, stage: str, stored: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Metrics of a layer of which at most class means are left: what was stored, and what it lacks from the means.

    What is stored was measured in double precision, and stored means may be in single.
    """
    found: dict[str, float | int | None] = {}
    for metric in METRICS:
        if data is not None and stored.get(metric.name) is None and set(metric.needs) <= _TOLD_BY_MEANS:
            found |= data.measured([metric], stage)
        else:
            found[metric.name] = stored[metric.name]
    return found
