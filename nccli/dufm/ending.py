"""What a run has come to when it ends: its final point, refined where that was asked for, and that point's metrics."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nccli.catalogue.runs import ENDED_WELL, Status
from nccli.catalogue.stages import stages
from nccli.dufm.arrays import numpy_array
from nccli.dufm.batch import Batch
from nccli.dufm.measurement import Measurement, measure
from nccli.dufm.network import Network, labels
from nccli.dufm.parameters import Parameters
from nccli.dufm.placement import refining_threads
from nccli.dufm.result import Refinement
from nccli.metrics import LayerMetrics, measure_layers
from nccli.training.threads import threads


@dataclass(frozen=True, eq=False)
class EndPoint:
    """The final point of one run.

    Attributes:
        status: as in `DufmResult`.
        measured: of that point.
        layers: its metrics; empty for a diverged run.
        weights: W_1..W_L there; none of a diverged run.
        refinement: how refining ended, where it was asked for.
        torch_version: of the PyTorch that refined it, None where it was not refined.
    """

    status: str
    measured: Measurement
    layers: list[LayerMetrics]
    weights: tuple[Float[np.ndarray, "_ _"], ...] = ()
    refinement: Refinement | None = None
    torch_version: str | None = None


def wants_refinement(batch: Batch, status: str) -> bool:
    """Whether a run that ends like this is refined."""
    return batch.configs[0].refine and status in ENDED_WELL


def end_point(
    batch: Batch,
    status: str,
    measured: Measurement,
    first_gradient: float,
    bound: Float[np.ndarray, " stages"] | None,
    should_stop: Callable[[], bool],
) -> EndPoint:
    """Refine a run where it is asked for, and measure its layers.

    Args:
        batch: one run, in float64.
        status: how it ended.
        measured: of it.
        first_gradient: ‖∇loss‖ at the run's initial point.
        bound: DNC1 by stage, where a reduced run can only tell a bound.
        should_stop: once it holds, refining ends and the run is "interrupted".
    """
    refinement = version = None
    if wants_refinement(batch, status):
        refined = _refined(batch, should_stop)
        if refined is None:
            status = Status.INTERRUPTED.value
        else:
            batch, refinement, version = refined
            bound, measured = None, measure(batch)
            small = refinement.residual <= batch.configs[0].tol * first_gradient
            status = Status.CONVERGED.value if small else Status.STOPPED.value
    if status == Status.DIVERGED:
        return EndPoint(status, measured, [], (), refinement, version)
    return EndPoint(status, measured, _layers(batch, bound), _weights(batch), refinement, version)


def _layers(batch: Batch, bound: Float[np.ndarray, " stages"] | None) -> list[LayerMetrics]:
    """Metrics of a batch with one run; DNC1 is `bound`, where there is one."""
    config = batch.configs[0]
    parts = zip(stages(config.L), Network(batch).stages(), strict=True)
    features = [(layer, stage, X[0]) for (layer, stage), X in parts]
    layers = measure_layers(features, labels(config, batch.rows), _weights(batch))
    if bound is None:
        return layers
    return [layer.with_values(dnc1=dnc1) for layer, dnc1 in zip(layers, bound.tolist(), strict=True)]


def _weights(batch: Batch) -> tuple[Float[np.ndarray, "_ _"], ...]:
    """W_1..W_L of a batch with one run."""
    return tuple(numpy_array(V[0]).T for V in batch.parameters.all[1:])


def _refined(batch: Batch, should_stop: Callable[[], bool]) -> tuple[Batch, Refinement, str] | None:
    """A run refined from its class means, on the cores that pay whoever calls; None if asked to stop."""
    import torch

    from nccli.dufm.collapsed import CollapsedProblem
    from nccli.dufm.refine import refine

    means, config = batch if batch.reduced else batch.collapsed(), batch.configs[0]
    X, *V = (torch.from_numpy(array[0]) for array in means.parameters.all)
    problem = CollapsedProblem(config.K, config.n, (config.wd_h1, *config.wd_layers), objective=config.aim)
    with torch.no_grad(), threads(refining_threads(config)):
        found = refine(problem, X, V, should_stop)
    if found is None:
        return None
    *hidden, last = (weights.numpy()[None] for weights in found.weights)
    point = Parameters(found.features.numpy()[None], np.stack(hidden), last)
    told = Refinement(found.residual, found.kinks, found.radius, found.iterations)
    return Batch.at([config], point, reduced=True), told, str(torch.__version__)
