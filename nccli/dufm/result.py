"""What a DUFM run leaves behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from nccli.catalogue.runs import Finish, StepsBy
from nccli.dufm.config import DufmConfig
from nccli.metrics import LayerMetrics
from nccli.metrics.drift import Drift


@dataclass(frozen=True)
class HistoryPoint:
    """Measurements at one step.

    Attributes:
        step: gradient steps taken so far.
        loss, fit, reg: of the DUFM, theory sheet section 1.
        grad_norm: ‖∇loss‖ over all parameters.
        dnc1, rank: of each layer and stage, in the order of `nccli.catalogue.stages.stages`.
        singular_values: of the class means of each layer and stage, largest first; unless trajectories are kept only
            of the latest points (`nccli.metrics.drift.WINDOW`).
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
        status: "converged" (the stop rule held; a refined point is certified), "stopped" (the budget ran out),
            "diverged" (a loss that is not finite) or "interrupted".
        history: measurements, oldest first; the last one is of the final point unless the run diverged.
        layers: metrics of the final point; empty for a diverged run, whose final point has none.
        weights: W_1..W_L of the final point; none of a diverged run.
        biases: by layer, (out, 1), where it has any.
        schatten_gap: cost of the layers below the last over the least for their product, equation (2); None where they
            are not linear.
        steps: gradient steps taken.
        loss, fit, reg, grad_norm: of the final point; for a diverged run not all of them are finite.
        seconds: wall time from the start of the batch to the end of this run.
        collapsed_at: step from which the run went on as its class means (`nccli.dufm.reduction`), None if it did not.
            DNC1 after it, in the history and in `layers`, is that of the switch: an upper bound.
        torch_version: of the PyTorch that took the steps; None where it had no part in them.
        steps_by: what took the steps; None where none were taken.
        drift: what loss and singular values still did at the end; None where nothing was measured that tells.
        state: what it takes beside class means and weights to go on from the end.
        finishing: how the stored end of another run was polished or refined to this point; None of a descent.
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
    biases: Mapping[int, Float[np.ndarray, "_ 1"]] = field(default_factory=dict, repr=False)
    schatten_gap: float | None = None
    collapsed_at: int | None = None
    torch_version: str | None = None
    steps_by: StepsBy | None = None
    drift: Drift | None = None
    state: "EndState | None" = field(default=None, repr=False)
    finishing: "Finishing | None" = None


@dataclass(frozen=True, eq=False)
class EndState:
    """What training goes on from at the end of a run, beside its class means and weights.

    Attributes:
        features: H_1 of all samples; None where class means are all there is of it: reduced, or n = 1.
        moments: what the optimiser remembers, `Optimizer.moments` times: of H_1, and of W_1..W_L, of biases as a column
            more.
    """

    features: Float[np.ndarray, "d N"] | None
    moments: tuple[tuple[Float[np.ndarray, "d rows"], tuple[Float[np.ndarray, "_ _"], ...]], ...] = ()


@dataclass(frozen=True)
class Finishing:
    """How a point was made from the stored end of a descent.

    Attributes:
        finish: which point it is, never plain.
        parent: id of the run that has the end.
        residual, radius, kinks: of a refined point, as `nccli.dufm.refined` has them.
    """

    finish: Finish
    parent: str
    residual: float | None = None
    radius: float | None = None
    kinks: int | None = None
