"""What is seen of a batch in training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nccli.catalogue.stages import hidden_layers, stages
from nccli.dufm.config import DufmConfig


@dataclass(frozen=True)
class Progress:
    """State of a batch, for whoever watches.

    Attributes:
        step: gradient steps taken by the runs still going.
        steps: step budget, the largest.
        active: runs still going, of `runs`.
        runs: runs of the batch.
        loss: their mean loss at the latest measurement.
        dnc1: their largest DNC1 over layers 2..L at the latest measurement.
        rank: their mean rank over `nccli.catalogue.stages.hidden_layers` at the latest measurement.
        steps_per_second: of the batch, so far.
        finishing: what is done to the ends of runs, "polishing" or "refining"; empty while steps are taken.
        finished: how many runs that was done to.
    """

    step: int
    steps: int
    active: int
    runs: int
    loss: float
    dnc1: float
    rank: float
    steps_per_second: float
    finishing: str = ""
    finished: int = 0

    @property
    def seconds_left(self) -> float:
        """Of taking steps, at the present speed, if no run ends early."""
        return (
            (self.steps - self.step) / self.steps_per_second
            if self.step < self.steps and self.steps_per_second
            else 0.0
        )

    @classmethod
    def of(
        cls,
        configs: Sequence[DufmConfig],
        step: int,
        latest: tuple[
            Float[np.ndarray, " active"], Float[np.ndarray, "active stages"], Int[np.ndarray, "active stages"]
        ],
        steps_per_second: float,
    ) -> "Progress":
        """From what `Histories.latest` says of the runs still going."""
        loss, dnc1, rank = latest
        L = configs[0].L
        hidden = [stages(L).index(each) for each in hidden_layers(L)]
        return cls(
            step=step,
            steps=configs[0].most_steps,
            active=len(loss),
            runs=len(configs),
            loss=float(np.mean(loss)),
            dnc1=float(np.max(dnc1[:, 1:])),
            rank=float(np.mean(rank[:, hidden])),
            steps_per_second=steps_per_second,
        )
