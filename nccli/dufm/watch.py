"""Who watches a training, what is seen, and how it is stopped."""

from collections.abc import Callable
from dataclasses import dataclass

from nccli.dufm.checkpoint import Checkpoint


@dataclass(frozen=True)
class Progress:
    """State of a batch, for whoever watches.

    Attributes:
        step: gradient steps taken by the runs still going.
        steps: step budget.
        active: runs still going, of `runs`.
        runs: runs of the batch.
        loss: their mean loss at the latest measurement.
        dnc1: their largest DNC1 over layers 2..L at the latest measurement.
        rank: their mean rank over hidden layers 2..L−1 (for L = 2, of Mt_2) at the latest measurement.
        steps_per_second: of the batch, so far.
        refining: how many runs have come to `nccli.dufm.refine`, the present one included; 0 while steps are taken.
    """

    step: int
    steps: int
    active: int
    runs: int
    loss: float
    dnc1: float
    rank: float
    steps_per_second: float
    refining: int = 0

    @property
    def seconds_left(self) -> float:
        """Of taking steps, at the present speed, if no run ends early."""
        return (self.steps - self.step) / self.steps_per_second if self.step < self.steps else 0.0


@dataclass(frozen=True)
class Watch:
    """How a training is watched and steered; none of it changes a result.

    Attributes:
        on_progress: called after each stretch of steps.
        should_stop: polled between steps, several times a second; once it holds, all runs end as "interrupted".
        checkpoint: where the state is kept; None for nowhere.
        on_trouble: called with a line when the checkpoint cannot be written; training goes on.
    """

    on_progress: Callable[[Progress], None] = lambda _: None
    should_stop: Callable[[], bool] = lambda: False
    checkpoint: Checkpoint | None = None
    on_trouble: Callable[[str], None] = lambda _: None
