"""What is seen of a batch on its way."""

from dataclasses import dataclass


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
