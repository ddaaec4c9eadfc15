"""All metrics of all layers of one network, from its features and weights."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from nccli.metrics.alignment import dnc3
from nccli.metrics.covariance import class_means, dnc1
from nccli.metrics.neural_collapse import CollapseMetrics
from nccli.metrics.spectrum import dnc2, effective_rank, nuclear_norm, numerical_rank, singular_values, stable_rank
from nccli.metrics.structure import Structure, recognise_structure


@dataclass(frozen=True, eq=False)
class LayerMetrics:
    """What is measured of one layer at one stage.

    Attributes:
        layer: l in 1..L.
        stage: "pre" for Ht_l, "post" for H_l.
        dnc1, dnc2: as the functions of that name.
        dnc3: for stage "post", of W_l against the means of H_l; None for stage "pre".
        rank: numerical rank of the class means at the default tolerance.
        effective_rank, stable_rank, nuclear_norm: of the class means.
        singular_values: of the class means, largest first, min(K, d) of them.
        class_means: (K, d), one class a row.
        collapse: the single-layer set, where it was measured.
        name: of the module, in a network that is not numbered by l.
    """

    layer: int
    stage: str
    dnc1: float
    dnc2: float
    dnc3: float | None
    rank: int
    effective_rank: float
    stable_rank: float
    nuclear_norm: float
    singular_values: Float[np.ndarray, " r"]
    class_means: Float[np.ndarray, "K d"]
    collapse: CollapseMetrics | None = None
    name: str | None = None

    @property
    def gram(self) -> Float[np.ndarray, "K K"]:
        """M_lᵀ M_l in the paper's orientation: inner products of class means."""
        return np.asarray(self.class_means @ self.class_means.T)

    @cached_property
    def structure(self) -> Structure:
        """Which construction the Gram matrix is."""
        return recognise_structure(self.gram)


def measure_layers(
    stages: Iterable[tuple[int, str, Float[np.ndarray, "N _"]]],
    labels: Int[np.ndarray, " N"],
    weights: Sequence[Float[np.ndarray, "_ _"]],
) -> list[LayerMetrics]:
    """Measure every layer and stage of a network.

    Args:
        stages: (layer, stage, features), features with one sample a row.
        labels: class of each sample, 0..K−1.
        weights: W_1..W_L, each of shape (out, in).

    Raises:
        ValueError: as `class_means`, or features that are not finite.
    """
    measured = []
    for layer, stage, features in stages:
        if not np.isfinite(features).all():
            raise ValueError(f"features of layer {layer} ({stage}) have nan or infinite entries")
        means = class_means(features, labels)
        reader = weights[layer - 1] if stage == "post" else None
        measured.append(layer_metrics(layer, stage, means, float(dnc1(features, labels)), reader))
    return measured


def layer_metrics(
    layer: int,
    stage: str,
    means: Float[np.ndarray, "K d"],
    dnc1: float,
    weights: Float[np.ndarray, "out d"] | None = None,
    collapse: CollapseMetrics | None = None,
    name: str | None = None,
) -> LayerMetrics:
    """What follows from the class means of a layer, with what does not.

    Args:
        layer, stage: which.
        means: one class a row.
        dnc1: of the features.
        weights: of the linear map that reads the features, for `dnc3`; None if there is none.
        collapse: the single-layer set, where it was measured.
        name: of the module.
    """
    spectrum = singular_values(means)
    return LayerMetrics(
        layer=layer,
        stage=stage,
        dnc1=dnc1,
        dnc2=float(dnc2(means)),
        dnc3=None if weights is None else dnc3(weights, means),
        rank=int(numerical_rank(spectrum)),
        effective_rank=float(effective_rank(spectrum)),
        stable_rank=float(stable_rank(spectrum)),
        nuclear_norm=float(nuclear_norm(spectrum)),
        singular_values=spectrum,
        class_means=means,
        collapse=collapse,
        name=name,
    )
