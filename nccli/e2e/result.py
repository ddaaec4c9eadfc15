"""What an end-to-end run leaves behind, and what is seen of it on its way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nccli.catalogue.stages import stages
from nccli.e2e.config import E2eConfig
from nccli.e2e.solution_losses import solution_losses
from nccli.metrics import LayerMetrics

_NO_BETTER = 0.95
"""A taste: a fit this near to that of the best constant has learnt nothing."""


@dataclass(frozen=True, eq=False)
class E2eResult:
    """A run that ended.

    Attributes:
        config: what was asked for.
        status: "stopped" (all steps taken), "diverged" (a loss that is not finite) or "interrupted".
        steps: taken.
        loss, fit, reg: over the whole training set in eval mode; not all finite for a diverged run.
        train_accuracy, test_accuracy: in eval mode; None without a test set, or for a diverged run.
        seconds: wall time of training and measuring, over all commands that took part.
        history: rows as the store keeps them, one a measured step.
        layers: metrics of the final network; empty for a diverged run.
        model: its state dictionary, on the CPU.
    """

    config: E2eConfig
    status: str
    steps: int
    loss: float
    fit: float
    reg: float
    train_accuracy: float | None
    test_accuracy: float | None
    seconds: float
    history: list[dict[str, Any]]
    layers: list[LayerMetrics] = field(repr=False)
    model: dict[str, Any] = field(repr=False)


def ended_trivially(config: E2eConfig, status: str, fit: float, layers: Sequence[LayerMetrics]) -> bool:
    """Whether a network ended at or beside the trivial zero solution: no better than a constant, and of rank ≤ 1.

    The best constant of the squared error is 1/K for every class, with fit ½ (1 − 1/K); the zero output has ½.
    """
    return status == "stopped" and fit > _NO_BETTER * config.constant_fit and layers[-1].rank <= 1


@dataclass(frozen=True)
class NetworkProgress:
    """State of a run, for whoever watches.

    Attributes:
        step, steps: taken, and of the whole run.
        passed, time_constants: of weight decay, so far and in the whole run.
        loss_dnc, loss_srg: of the solutions of the run's problem; None where it has none.
        K: classes.
        kept: classes that the network told apart at the latest measurement; None where there was none in this process.
        loss, fit, reg, accuracy: at the latest measurement.
        dnc1: of H_1, …, H_L then.
        rank: of their class means then.
        steps_per_second: so far.
        together: runs that are trained as one program.
    """

    step: int
    steps: int
    passed: float
    time_constants: float
    loss_dnc: float | None
    loss_srg: float | None
    K: int
    kept: int | None
    loss: float
    fit: float
    reg: float
    accuracy: float
    dnc1: tuple[float, ...]
    rank: tuple[int, ...]
    steps_per_second: float
    together: int = 1

    @classmethod
    def of(
        cls, config: E2eConfig, step: int, latest: Mapping[str, Any], kept: int | None, steps_per_second: float
    ) -> "NetworkProgress":
        """Of a run at a step, whose latest measurement is this row of its history and kept so many classes."""
        post = [i for i, (_, stage) in enumerate(stages(config.L)) if stage == "post"]
        dnc, srg = (None, None) if config.problem is None else solution_losses(config.problem)
        return cls(
            step=step,
            steps=config.steps,
            passed=config.time_constants_at(step),
            time_constants=config.time_constants,
            loss_dnc=dnc,
            loss_srg=srg,
            K=config.K,
            kept=kept,
            loss=latest["loss"],
            fit=latest["fit"],
            reg=latest["reg"],
            accuracy=latest["train_accuracy"],
            dnc1=tuple(latest["dnc1"][i] for i in post),
            rank=tuple(latest["rank"][i] for i in post),
            steps_per_second=steps_per_second,
        )

    @property
    def seconds_left(self) -> float:
        """At the present speed."""
        return (self.steps - self.step) / self.steps_per_second if self.steps_per_second > 0 else 0.0
