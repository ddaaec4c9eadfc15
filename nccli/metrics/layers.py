"""All metrics of all layers of one network, from its features and weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from nccli.catalogue.metrics import METRICS, Family, Need
from nccli.catalogue.options import ObjectiveName
from nccli.catalogue.stages import When
from nccli.metrics.covariance import class_means, dnc1
from nccli.metrics.layer_data import LayerData
from nccli.metrics.many_classes import structure_of_means
from nccli.metrics.structure import Structure
from nccli.metrics.weighted_structure import weighted_structure


@dataclass(frozen=True, eq=False)
class LayerMetrics:
    """What is measured of one layer at one stage; every metric is an attribute too, None where it does not exist.

    Attributes:
        layer: l in 1..L.
        stage: "pre" for H̃_l, "post" for H_l.
        values: metrics by name (`nccli.catalogue.metrics`), ranks at the default tolerance.
        singular_values: of the class means, largest first, min(K, d) of them.
        class_means: (K, d), one class a row.
        name: of the module, in a network that is not numbered by l.
        spectra: singular values of the layer's own matrix and of its features, where there are any, by
            `nccli.catalogue.metrics.Need`.
        output: class means of the network's output, (K, K), one class a row, of the layer that makes it; None under
            the squared error, where they follow from the class means.
        unequal: whether classes are of unequal sizes on purpose: their means have structures up to their lengths.
    """

    layer: int
    stage: str
    values: Mapping[str, float | int | None]
    singular_values: Float[np.ndarray, " r"]
    class_means: Float[np.ndarray, "K d"]
    name: str | None = None
    spectra: Mapping[str, Float[np.ndarray, " _"]] = field(default_factory=dict)
    output: Float[np.ndarray, "K K"] | None = None
    unequal: bool = False

    def __getattr__(self, name: str) -> Any:
        """A metric by its name."""
        values = self.__dict__.get("values", {})
        if name not in values:
            raise AttributeError(f"no metric '{name}'")
        return values[name]

    def with_values(self, **values: float | None) -> "LayerMetrics":
        """The same layer with some metrics as given."""
        return replace(self, values={**self.values, **values})

    @property
    def collapse(self) -> SimpleNamespace | None:
        """The single-layer set NC1 to NC4 by name; None where it was not measured."""
        single = {metric.name: self.values[metric.name] for metric in METRICS if metric.family is Family.SINGLE}
        return SimpleNamespace(**single) if any(value is not None for value in single.values()) else None

    @property
    def gram(self) -> Float[np.ndarray, "K K"]:
        """M_lᵀ M_l in the paper's orientation: inner products of class means."""
        return np.asarray(self.class_means @ self.class_means.T)

    @cached_property
    def structure(self) -> Structure:
        """Which construction the Gram matrix is."""
        if self.unequal:
            return weighted_structure(self.class_means, self.singular_values)
        return structure_of_means(self.class_means, self.singular_values, self.stage == When.PRE)


def measure_layers(
    stages: Iterable[tuple[int, str, Float[np.ndarray, "N _"]]],
    labels: Int[np.ndarray, " N"],
    weights: Sequence[Float[np.ndarray, "_ _"]],
    objective: str = ObjectiveName.MSE.value,
    sizes: Sequence[int] | None = None,
    bias: Float[np.ndarray, " K"] | None = None,
    one_hot: bool = True,
) -> list[LayerMetrics]:
    """Measure every layer and stage of a network.

    Args:
        stages: (layer, stage, features), features with one sample a row.
        labels: class of each sample, 0..K−1.
        weights: W_1..W_L, each of shape (out, in).
        objective: name of what the output is held to.
        sizes: samples of each class, where these are unequal on purpose, however many of them are here.
        bias: of W_L; None where it has none.
        one_hot: whether outputs are held to one-hot targets; without, nobody knows which classes are kept.

    Raises:
        ValueError: as `class_means`, or features that are not finite.
    """
    measured = []
    for layer, stage, features in stages:
        if not np.isfinite(features).all():
            raise ValueError(f"features of layer {layer} ({stage}) have nan or infinite entries")
        data = LayerData(
            class_means(features, labels),
            weights[layer - 1] if stage == "post" else None,
            given={"dnc1": float(dnc1(features, labels))},
            reads_out=one_hot and layer == len(weights),
            bias=bias if layer == len(weights) else None,
            objective=objective,
            sizes=None if sizes is None else np.array(sizes),
        )
        measured.append(layer_metrics(layer, stage, data))
    return measured


def layer_metrics(layer: int, stage: str, data: LayerData, name: str | None = None) -> LayerMetrics:
    """Every metric that follows from what is known of a layer; the single-layer set where its samples are.

    Args:
        layer, stage: which.
        data: what is known.
        name: of the module.
    """
    families = {Family.LAYER, *([Family.SINGLE] if data.statistics is not None else [])}
    when = stage if name is None else None  # a module is before its activation, or after, or neither
    values = data.measured([metric for metric in METRICS if metric.family in families], when)
    absent = dict.fromkeys(metric.name for metric in METRICS if metric.family not in families)
    spectra = {need.value: getattr(data, need) for need in _SPECTRA} if Family.SINGLE in families else {}
    kept = {name: spectrum for name, spectrum in spectra.items() if spectrum is not None}
    output = data.output if stage == When.POST and data.objective != ObjectiveName.MSE else None
    about = (data.spectrum, data.means, name, kept, output, data.sizes is not None)
    return LayerMetrics(layer, stage, {**values, **absent}, *about)


_SPECTRA = (Need.WEIGHT_SPECTRUM, Need.FEATURE_SPECTRUM)
