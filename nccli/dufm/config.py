"""What determines a DUFM run, and nothing else: two equal configurations are the same run."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from nccli.errors import InputError
from nccli.theory import Problem

ACTIVATIONS = ("relu", "linear", "relu-last", "relu-eps")
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class DufmConfig:
    """Configuration of one run of full-batch gradient descent on the L-DUFM.

    Attributes:
        K, L, n: classes, weight matrices, samples a class.
        width: d, of H_1 and of every hidden layer.
        wd_h1: λ_{H_1}.
        wd_layers: λ_{W_1}, …, λ_{W_L}.
        lr: step size η of every parameter, on the loss of theory sheet section 1.
        steps: step budget.
        seed: of the initial point.
        dtype: "float32" or "float64".
        activation: "relu", "linear", "relu-last" (linear but for the last hidden layer) or "relu-eps" (Definition 7).
        epsilon: ε of relu-eps; None for the others.
        init_scale: factor on the initial point of `nccli.dufm.initial`.
        tol: stop when ‖∇loss‖ ≤ tol · ‖∇loss‖ at the initial point; 0 never stops early.

    Raises:
        InputError: a value is out of its range.
    """

    K: int
    L: int
    n: int
    width: int
    wd_h1: float
    wd_layers: tuple[float, ...]
    lr: float
    steps: int
    seed: int
    dtype: str = "float32"
    activation: str = "relu"
    epsilon: float | None = None
    init_scale: float = 1.0
    tol: float = 1e-7

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for field in ("wd_h1", "lr", "init_scale", "tol"):
            object.__setattr__(self, field, float(getattr(self, field)))  # 1 and 1.0 are one configuration, one run id
        object.__setattr__(self, "wd_layers", tuple(map(float, self.wd_layers)))
        _ = self.problem
        for name, value in (("lr", self.lr), ("init-scale", self.init_scale)):
            if not (value > 0 and math.isfinite(value)):
                raise InputError(f"{name} = {value}: must be positive and finite")
        for name, number, least in (("width", self.width, 1), ("steps", self.steps, 1), ("seed", self.seed, 0)):
            if number < least:
                raise InputError(f"{name} = {number}: must be at least {least}")
        if not 0 <= self.tol < 1:
            raise InputError(f"tol = {self.tol}: must be in [0, 1)")
        if self.activation not in ACTIVATIONS:
            raise InputError(f"activation '{self.activation}': must be one of {', '.join(ACTIVATIONS)}")
        if self.dtype not in DTYPES:
            raise InputError(f"dtype '{self.dtype}': must be one of {', '.join(DTYPES)}")
        if (self.activation == "relu-eps") != (self.epsilon is not None):
            raise InputError("epsilon belongs to activation relu-eps, and relu-eps needs it")
        if self.epsilon is not None and not (self.epsilon > 0 and math.isfinite(self.epsilon)):
            raise InputError(f"epsilon = {self.epsilon}: must be positive and finite")

    @property
    def problem(self) -> Problem:
        """The problem without width and optimiser, for comparison with theory."""
        return Problem(self.K, self.L, self.n, self.wd_h1, self.wd_layers)

    @property
    def batch_key(self) -> tuple[Any, ...]:
        """Runs with equal keys can share one batched program."""
        return (self.K, self.L, self.n, self.width, self.steps, self.dtype, self.activation, self.epsilon)

    @property
    def decay_time(self) -> float:
        """Largest time constant 1/(η λ) of weight decay, in steps; inf where it exceeds what a float can hold."""
        rate = self.lr * min(self.wd_h1, *self.wd_layers)
        return 1 / rate if rate > 0 else math.inf

    def as_dict(self) -> dict[str, Any]:
        """All fields as JSON-ready values; epsilon only where the activation has one."""
        fields = asdict(self)
        fields["wd_layers"] = list(self.wd_layers)
        if self.epsilon is None:
            del fields["epsilon"]
        return fields
