"""The problem whose stationary points are refined: sizes, regularisation, and which hidden layers have a ReLU."""

from dataclasses import dataclass

from nccli.catalogue.options import ActivationName, ObjectiveName
from nccli.errors import InputError
from nccli.objective import Objective, objective_named

_KINKED = (ActivationName.RELU, ActivationName.LINEAR, ActivationName.RELU_LAST)


@dataclass(frozen=True)
class RefinedProblem:
    """An L-DUFM (theory sheet, section 1).

    Attributes:
        K: classes.
        n: samples a class.
        width: d, of H_1 and of every hidden layer.
        wd: λ_{H_1}, λ_{W_1}, …, λ_{W_L}; L is at least 2.
        activation: "relu", "linear" or "relu-last" (linear but for the last hidden layer).
        objective: what the output is held to, as in `nccli.objective`.

    Raises:
        InputError: another activation or objective.
    """

    K: int
    n: int
    width: int
    wd: tuple[float, ...]
    activation: str = "relu"
    objective: str = ObjectiveName.MSE.value

    def __post_init__(self) -> None:
        """Refuse what has no kinks, or an objective that there is not."""
        if self.activation not in _KINKED:
            raise InputError(f"refine is for activations {', '.join(_KINKED)}, not {self.activation}")
        _ = self.aim

    @property
    def aim(self) -> Objective:
        """The objective as an object."""
        return objective_named(self.objective)

    @property
    def L(self) -> int:
        """Weight matrices."""
        return len(self.wd) - 1

    @property
    def collapsed_wd(self) -> tuple[float, ...]:
        """The regularisation of the one-sample problem of the class means: n λ_{H_1}, λ_{W_1}, …, λ_{W_L}."""
        return (self.n * self.wd[0], *self.wd[1:])

    @property
    def has_relu(self) -> tuple[bool, ...]:
        """Of layers 2..L, whether σ is ReLU there; elsewhere it is the identity."""
        last = self.activation != ActivationName.LINEAR
        return (*(self.activation == ActivationName.RELU for _ in range(self.L - 2)), last)
