"""How fast a run steps, and how much of its weight decay it has, step by step: functions of the share of its budget."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from nccli.training.schedule import parse_schedule

_Shares = Float[np.ndarray, " count"]

WD_START = 0.1
"""A taste: of λ, where it rises. The fit has grown by the time that decay is whole."""


@dataclass(frozen=True)
class Rates:
    """Factors on the learning rate and on every λ.

    Attributes:
        schedule: of the learning rate, as `nccli.training.schedule.parse_schedule` takes it.
        lr_rise: share of the budget in which the learning rate rises linearly from 0 to what the schedule says.
        wd_rise: share of the budget in which every λ, that of H_1 included, rises by equal ratios from 0.1 of itself.
    """

    schedule: str
    lr_rise: float = 0.0
    wd_rise: float = 0.0

    def of_steps(self, first: int, count: int, budget: int) -> Float[np.ndarray, "count 2"]:
        """A row a step, from step `first` on: factor on the learning rate, factor on every λ.

        Args:
            first: steps taken before.
            count: of rows.
            budget: steps of the whole run.
        """
        steps = np.arange(first, first + count)
        return np.stack((self._lr(steps / budget, (steps + 1) / budget), self._wd(steps / budget)), axis=1)

    @property
    def mean_decay(self) -> float:
        """Mean over the budget of the product of both factors: decay by a constant rate would be as long."""
        return float(_decay(self)[-1])

    def decay_until(self, share: float) -> float:
        """Integral of that product over the budget up to a share of it; `mean_decay` over all of it."""
        found = _decay(self)
        return float(np.interp(share, np.linspace(0.0, 1.0, len(found)), found))

    def _lr(
        self, share: Float[np.ndarray, " count"], after: Float[np.ndarray, " count"]
    ) -> Float[np.ndarray, " count"]:
        factor: Float[np.ndarray, " count"] = parse_schedule(self.schedule)(share)
        return factor * np.minimum(1.0, after / self.lr_rise) if self.lr_rise else factor

    def _wd(self, share: _Shares) -> _Shares:
        if not self.wd_rise:
            return np.ones_like(share)
        risen: _Shares = WD_START ** (1 - np.minimum(1.0, share / self.wd_rise))
        return risen


@lru_cache(maxsize=256)
def _decay(rates: Rates) -> Float[np.ndarray, " points"]:
    """Integrals of the product of both factors up to equidistant shares of the budget, 0 and 1 included."""
    shares = (np.arange(4096) + 0.5) / 4096
    steps = rates._lr(shares, shares) * rates._wd(shares) / len(shares)
    return np.concatenate(([0.0], np.cumsum(steps)))
