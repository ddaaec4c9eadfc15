"""What is known of one layer at one stage, and every declared metric that follows from it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from nccli.catalogue.metrics import METRICS, Metric, Need
from nccli.catalogue.options import ObjectiveName
from nccli.metrics.class_statistics import ClassStatistics
from nccli.metrics.spectrum import singular_values

_MOST_FEATURES, _MOST_READ = 1024, 4096
"""A taste: sizes of features whose eigenvalues are worked out, 0.15 s for 1024; larger ones, 1.3 s for ResNet50's 2048,
only of what known weights read: a classifier's input."""

_MOST_PRODUCTS = 2**36
"""A taste: a matrix of 4096 × 4096, some 20 s."""


@dataclass(frozen=True, eq=False)
class LayerData:
    """What metrics are measured from; each `Need` is an attribute, None where it is not there.

    Attributes:
        means: class means, one class a row, not centred.
        weights: (out, d) of the linear map that reads the layer.
        statistics: of the samples, with or without their covariance.
        bias: of that map; None where it has none.
        made_by: (d, in) of the linear map that makes the layer.
        own: the layer's own matrix where it is not `weights`: that of a module, (out, in) or with more axes.
        outside: mean feature of an out-of-distribution set.
        given: metrics that need samples or predictions, measured by whoever saw these pass, by name.
        reads_out: whether the weights make the network's output of this layer, as W_L does of H_L.
        objective: name of what that output is held to.
        sizes: samples of each class, where classes are of unequal sizes on purpose; else None.
    """

    means: Float[np.ndarray, "K d"]
    weights: Float[np.ndarray, "out d"] | None = None
    statistics: ClassStatistics | None = None
    given: Mapping[str, float | None] = field(default_factory=dict)
    reads_out: bool = False
    bias: Float[np.ndarray, " out"] | None = None
    made_by: Float[np.ndarray, "d _"] | None = None
    own: Float[np.ndarray, "..."] | None = None
    outside: Float[np.ndarray, " d"] | None = None
    objective: str = ObjectiveName.MSE.value
    sizes: Int[np.ndarray, " K"] | None = None

    @classmethod
    def of(
        cls,
        statistics: ClassStatistics,
        weights: Float[np.ndarray, "out d"] | None = None,
        nc4: float | None = None,
        reads_out: bool = False,
        **more: Any,
    ) -> "LayerData":
        """Of a layer whose samples have been accumulated.

        Args:
            statistics: of the samples.
            weights, reads_out: as above.
            nc4: measured by whoever saw the predictions.
            more: `bias`, `made_by`, `own`, `outside`, `objective`, `sizes`.
        """
        given = {"dnc1": statistics.dnc1, "nc4": nc4}
        return cls(statistics.means, weights, statistics, given, reads_out, **more)

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

    @cached_property
    def centred_spectrum(self) -> Float[np.ndarray, " r"]:
        """Singular values of the centred class means, those that are rounding of what was subtracted as 0."""
        values = singular_values(self.centred_means)
        rounding = max(self.means.shape) * np.finfo(np.float64).eps * float(np.linalg.norm(self.means))
        return np.where((values > rounding) & (np.arange(len(values)) < len(self.means) - 1), values, 0.0)

    @property
    def classifier(self) -> Float[np.ndarray, "K d"] | None:
        """The weights where they have a row a class; of classes without samples the rows are left out."""
        return self._of_classes(self.weights)

    @property
    def classifier_bias(self) -> Float[np.ndarray, " K"] | None:
        """The bias of the classifier, zero where it has none."""
        if self.classifier is None:
            return None
        return np.zeros(len(self.means)) if self.bias is None else self._of_classes(self.bias)

    def _of_classes(self, rows: Float[np.ndarray, "out *d"] | None) -> Float[np.ndarray, "K *d"] | None:
        """Rows a class, where there is one for each."""
        classes = None if self.statistics is None else self.statistics.classes
        if rows is not None and classes is not None and len(rows) > classes[-1]:
            rows = rows[classes]
        return rows if rows is not None and len(rows) == len(self.means) else None

    @cached_property
    def weight_spectrum(self) -> Float[np.ndarray, " r"] | None:
        """Singular values of the layer's own matrix, largest first, each output a row; None where it is too large."""
        matrix = self.weights if self.own is None else self.own
        if matrix is None or matrix.ndim < 2 or not matrix.size:
            return None
        flat = matrix.reshape(len(matrix), -1)
        return singular_values(flat) if flat.size * min(flat.shape) <= _MOST_PRODUCTS else None

    @cached_property
    def feature_spectrum(self) -> Float[np.ndarray, " d"] | None:
        """Singular values of all features minus their mean, over √N, largest first; None where they are too many."""
        most = _MOST_FEATURES if self.weights is None else _MOST_READ
        if self.covariance is None or self.means.shape[1] > most:
            return None
        return self.covariance.feature_spectrum

    @property
    def output(self) -> Float[np.ndarray, "K K"] | None:
        """Class means of the network's output, one a row, where the layer makes it and it has an entry a class."""
        if not self.reads_out or self.weights is None or len(self.weights) != len(self.means):
            return None
        return np.asarray(self.means @ self.weights.T + (0.0 if self.bias is None else self.bias))

    def measured(self, metrics: Iterable[Metric], stage: str | None) -> dict[str, float | int | None]:
        """Metrics by name; None where one does not exist, or needs what is not there.

        Args:
            metrics: which.
            stage: of the layer; None for one that is neither before nor after an activation, which has all metrics.
        """
        exist = {metric.name for metric in metrics if stage is None or stage in metric.stages}
        return {metric.name: self._value(metric) if metric.name in exist else None for metric in metrics}

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


_TOLD_BY_MEANS = frozenset({Need.MEANS, Need.SPECTRUM, Need.CENTRED, Need.CENTRED_SPECTRUM})
_TOLD_BY_WEIGHTS = frozenset({Need.WEIGHTS, Need.CLASSIFIER, Need.BIAS, Need.MADE_BY, Need.WEIGHT_SPECTRUM})
"""What a stored run can be asked for that it was not asked for before, where class means or weights are stored."""


def remeasured(data: LayerData | None, stage: str | None, stored: Mapping[str, Any]) -> dict[str, float | int | None]:
    """Metrics of a layer of which at most class means and weights are left: what was stored, and what these tell more.

    What is stored was measured in double precision, and stored means may be in single.
    """
    found: dict[str, float | int | None] = {}
    for metric in METRICS:
        told = set(metric.needs) <= _TOLD_BY_MEANS | _TOLD_BY_WEIGHTS
        if data is not None and stored.get(metric.name) is None and told:
            found |= data.measured([metric], stage)
        else:
            found[metric.name] = stored[metric.name]
    return found
