"""What a run has come to when it ends: its final point, that point's metrics, and what it takes to go on from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli.catalogue.runs import Status
from nccli.catalogue.stages import stages
from nccli.dufm.arrays import numpy_array
from nccli.dufm.batch import Batch
from nccli.dufm.bias import split
from nccli.dufm.measurement import Measurement
from nccli.dufm.network import Network, labels
from nccli.dufm.result import EndState
from nccli.dufm.schatten import schatten_gap
from nccli.metrics import LayerMetrics, measure_layers


@dataclass(frozen=True, eq=False)
class EndPoint:
    """The final point of one run.

    Attributes:
        status: as in `DufmResult`.
        measured: of that point.
        layers: its metrics; empty for a diverged run.
        weights: W_1..W_L there; none of a diverged run.
        biases: by layer, (out, 1).
        schatten_gap: as `nccli.dufm.schatten` has it.
        state: what else it takes to go on from there; None of a diverged run.
    """

    status: str
    measured: Measurement
    layers: list[LayerMetrics]
    weights: tuple[Float[np.ndarray, "_ _"], ...] = ()
    biases: Mapping[int, Float[np.ndarray, "_ 1"]] = field(default_factory=dict)
    schatten_gap: float | None = None
    state: EndState | None = None


def end_point(
    batch: Batch, status: str, measured: Measurement, bound: Float[np.ndarray, " stages"] | None = None
) -> EndPoint:
    """Measure the layers of a run at its end.

    Args:
        batch: one run, in float64.
        status: how it ended.
        measured: of it.
        bound: DNC1 by stage, where a reduced run can only tell a bound.
    """
    if status == Status.DIVERGED:
        return EndPoint(status, measured, [])
    features, *memory = (numpy_array(held.features[0]).T for held in batch.held)
    moments = tuple((memory[i], _matrices(batch, 1 + i)) for i in range(len(memory)))
    state = EndState(None if batch.rows == batch.configs[0].K else features, moments)
    weights, biases = _weights(batch)
    return EndPoint(status, measured, _layers(batch, bound), weights, biases, schatten_gap(batch), state)


def _layers(batch: Batch, bound: Float[np.ndarray, " stages"] | None) -> list[LayerMetrics]:
    """Metrics of a batch with one run; DNC1 is `bound`, where there is one."""
    config = batch.configs[0]
    parts = zip(stages(config.L), Network(batch).stages(), strict=True)
    features = [(layer, stage, X[0]) for (layer, stage), X in parts]
    weights, biases = _weights(batch)
    last = biases.get(config.L)
    bias = None if last is None else last[:, 0]
    about: dict[str, Any] = {"bias": bias, "one_hot": config.targets_print is None}
    about |= {"objective": config.objective, "sizes": config.class_counts}
    layers = measure_layers(features, labels(config, batch.rows), weights, **about)
    if bound is None:
        return layers
    return [layer.with_values(dnc1=dnc1) for layer, dnc1 in zip(layers, bound.tolist(), strict=True)]


def _weights(batch: Batch) -> tuple[tuple[Float[np.ndarray, "_ _"], ...], dict[int, Float[np.ndarray, "_ 1"]]]:
    """W_1..W_L of a batch with one run, and the biases by layer."""
    parts = [split(V_T, batch.configs[0].width) for V_T in _matrices(batch, 0)]
    return tuple(W for W, _ in parts), {layer: b for layer, (_, b) in enumerate(parts, 1) if b.size}


def _matrices(batch: Batch, which: int) -> tuple[Float[np.ndarray, "_ _"], ...]:
    """W_1..W_L of a batch with one run, biases as a last column, or what the optimiser remembers of them."""
    return tuple(numpy_array(V[0]).T for V in batch.held[which].all[1:])
