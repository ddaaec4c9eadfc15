"""What a DUFM run leaves behind."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from nccli.dufm.config import DufmConfig
from nccli.metrics import LayerMetrics


@dataclass(frozen=True)
class HistoryPoint:
    """Measurements at one step.

    Attributes:
        step: gradient steps taken so far.
        loss, fit, reg: of the DUFM, theory sheet section 1.
        grad_norm: ‖∇loss‖ over all parameters.
        dnc1, rank: of each layer and stage, in the order of `nccli.catalogue.stages.stages`.
        singular_values: of the class means of each layer and stage, largest first; none unless trajectories are kept.
        negative_share: of each layer l = 2..L before activation; likewise.
    """

    step: int
    loss: float
    fit: float
    reg: float
    grad_norm: float
    dnc1: tuple[float, ...]
    rank: tuple[int, ...]
    singular_values: tuple[tuple[float, ...], ...] = ()
    negative_share: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class DufmResult:
    """A run that ended.

    Attributes:
        config: what was asked for.
        status: "converged" (the stop rule held; for a refined run, by the norm of the subdifferential's element),
            "stopped" (the budget ran out), "diverged" (a loss that is not finite) or "interrupted".
        history: measurements, oldest first; the last one is of the final point unless the run diverged.
        layers: metrics of the final point; empty for a diverged run, whose final point has none.
        weights: W_1..W_L of the final point; none of a diverged run.
        steps: gradient steps taken.
        loss, fit, reg, grad_norm: of the final point; for a diverged run not all of them are finite.
        seconds: wall time from the start of the batch to the end of this run.
        collapsed_at: step from which the run went on as its class means (`nccli.dufm.reduction`), None if it did not.
            DNC1 after it, in the history and in `layers`, is that of the switch: an upper bound.
        refinement: of the end point, where the configuration asks for it and the run came to its end.
        torch_version: of the PyTorch that took the steps or refined the run; None where it had no part in either.
    """

    config: DufmConfig
    status: str
    steps: int
    loss: float
    fit: float
    reg: float
    grad_norm: float
    seconds: float
    history: tuple[HistoryPoint, ...]
    layers: list[LayerMetrics] = field(repr=False)
    weights: tuple[Float[np.ndarray, "_ _"], ...] = field(default=(), repr=False)
    collapsed_at: int | None = None
    refinement: "Refinement | None" = None
    torch_version: str | None = None


@dataclass(frozen=True)
class Refinement:
    """How `nccli.dufm.refine` ended; loss, fit, reg, grad_norm and layers of the run are then of the refined point.

    Attributes:
        residual: norm of the smallest element found of the subdifferential of the loss; 0 certifies a stationary point.
        kinks: pre-activations of the class means that are zero.
        radius: the largest of them in size.
        iterations: Newton steps.
    """

    residual: float
    kinks: int
    radius: float
    iterations: int
