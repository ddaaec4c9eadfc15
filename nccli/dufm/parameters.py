"""What a batch of runs holds of each parameter: its value, or what the optimiser remembers of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxtyping import Float

from nccli.dufm.arrays import Array, library


@dataclass(frozen=True, eq=False)
class Parameters:
    """X_1 = H_1ᵀ (runs, N, d), V_1..V_{L−1} (L−1, runs, d, d) and V_L (runs, d, K) of a batch, V_l = W_lᵀ; with biases
    d + 1 rows (`nccli.dufm.bias`).

    All three are NumPy arrays, or all are PyTorch tensors.
    """

    features: Float[Array, "runs N d"]
    hidden: Float[Array, "hidden runs rows d"]
    last: Float[Array, "runs last_rows K"]

    def each(self, change: Callable[[Array], Array]) -> "Parameters":
        """The same function of each of the three."""
        return Parameters(change(self.features), change(self.hidden), change(self.last))

    def runs(self, index: Sequence[int]) -> "Parameters":
        """Copies of some of the runs, in the given order."""
        stack = library(self.features).stack
        return Parameters(
            stack([self.features[i] for i in index]),
            stack([self.hidden[:, i] for i in index], axis=1),
            stack([self.last[i] for i in index]),
        )

    def slice(self, part: slice) -> "Parameters":
        """Views of runs that stand next to each other."""
        return Parameters(self.features[part], self.hidden[:, part], self.last[part])

    @classmethod
    def join(cls, parts: "Sequence[Parameters]") -> "Parameters":
        """All runs of several in one."""
        concatenate = library(parts[0].features).concatenate
        return cls(
            concatenate([part.features for part in parts]),
            concatenate([part.hidden for part in parts], axis=1),
            concatenate([part.last for part in parts]),
        )

    @property
    def all(self) -> list[Array]:
        """X_1, V_1, …, V_L."""
        return [self.features, *self.hidden, self.last]

    @property
    def stored(self) -> tuple[Array, Array, Array]:
        """The three arrays as they are held."""
        return self.features, self.hidden, self.last
