"""What a run has come to when it ends: its final point, that point's metrics, and what it takes to go on from there."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nccli.catalogue.runs import Status
from nccli.catalogue.stages import stages
from nccli.dufm.arrays import numpy_array
from nccli.dufm.batch import Batch
from nccli.dufm.measurement import Measurement
from nccli.dufm.network import Network, labels
from nccli.dufm.result import EndState
from nccli.metrics import LayerMetrics, measure_layers


@dataclass(frozen=True, eq=False)
class EndPoint:
    """The final point of one run.

    Attributes:
        status: as in `DufmResult`.
        measured: of that point.
        layers: its metrics; empty for a diverged run.
        weights: W_1..W_L there; none of a diverged run.
        state: what else it takes to go on from there; None of a diverged run.
    """

    status: str
    measured: Measurement
    layers: list[LayerMetrics]
    weights: tuple[Float[np.ndarray, "_ _"], ...] = ()
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
    moments = tuple((memory[i], _weights(batch, 1 + i)) for i in range(len(memory)))
    state = EndState(None if batch.rows == batch.configs[0].K else features, moments)
    return EndPoint(status, measured, _layers(batch, bound), _weights(batch), state)


def _layers(batch: Batch, bound: Float[np.ndarray, " stages"] | None) -> list[LayerMetrics]:
    """Metrics of a batch with one run; DNC1 is `bound`, where there is one."""
    config = batch.configs[0]
    parts = zip(stages(config.L), Network(batch).stages(), strict=True)
    features = [(layer, stage, X[0]) for (layer, stage), X in parts]
    layers = measure_layers(
        features, labels(config, batch.rows), _weights(batch), config.objective, config.class_counts
    )
    if bound is None:
        return layers
    return [layer.with_values(dnc1=dnc1) for layer, dnc1 in zip(layers, bound.tolist(), strict=True)]


def _weights(batch: Batch, which: int = 0) -> tuple[Float[np.ndarray, "_ _"], ...]:
    """W_1..W_L of a batch with one run, or what the optimiser remembers of them."""
    return tuple(numpy_array(V[0]).T for V in batch.held[which].all[1:])
