"""What a batch of runs holds: parameters, and what the optimiser remembers of each."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from nccli.dufm.config import DufmConfig

_MOMENTS = {"gd": 0, "adam": 2}


@dataclass(frozen=True, eq=False)
class Parameters:
    """X_1 = H_1ᵀ (runs, N, d), V_1..V_{L−1} (L−1, runs, d, d) and V_L (runs, d, K) of a batch, V_l = W_lᵀ."""

    features: Float[Tensor, "runs N d"]
    hidden: Float[Tensor, "hidden runs d d"]
    last: Float[Tensor, "runs d K"]

    def each(self, change: Callable[[Tensor], Tensor]) -> "Parameters":
        """The same function of each of the three."""
        return Parameters(change(self.features), change(self.hidden), change(self.last))

    def runs(self, index: Int[Tensor, " some"]) -> "Parameters":
        """Copies of some of the runs."""
        return Parameters(self.features[index], self.hidden[:, index], self.last[index])

    @property
    def tensors(self) -> list[Tensor]:
        """X_1, V_1, …, V_L."""
        return [self.features, *self.hidden.unbind(0), self.last]


def moment_count(config: DufmConfig) -> int:
    """How many numbers the optimiser remembers of each parameter."""
    return _MOMENTS.get(config.optimizer, 1)
