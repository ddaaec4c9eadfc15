"""What determines a DUFM run, and nothing else: two equal configurations are the same run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from nccli.catalogue.activations import activation_text, leaky_slope
from nccli.catalogue.options import BiasName, Until
from nccli.dufm.config_rules import require_trainable
from nccli.dufm.optimizers import OPTIMIZERS, Optimizer
from nccli.dufm.pace import paces
from nccli.errors import InputError
from nccli.objective import Objective, objective_named
from nccli.theory import Problem, counts_text, is_linear, parse_counts
from nccli.training.schedule import mean_factor

SETTLED_FACTOR = 16
"""A taste: how many times its budget a run may take until it has settled, a power of two."""

_MOST_STEPS = 2**31 - 1
"""A bound: what the store's column holds."""


@dataclass(frozen=True)
class DufmConfig:
    """Configuration of one run on the full-batch loss of the L-DUFM.

    Attributes:
        K, L, n: classes, weight matrices, samples a class.
        width: d, of H_1 and of every hidden layer.
        wd_h1: λ_{H_1}.
        wd_layers: λ_{W_1}, …, λ_{W_L}.
        lr: step size η of every parameter, on the loss of theory sheet section 1.
        steps: step budget.
        seed: of the initial point.
        dtype: "float32" or "float64".
        activation: "relu", "linear", "relu-last" (linear but for the last hidden layer), "relu-eps" (Definition 7) or
            "leaky:SLOPE", max(z, SLOPE z), as `nccli.catalogue.activations.activation_text` writes it.
        epsilon: ε of relu-eps; None for the others.
        init_scale: factor on the initial point of `nccli.dufm.initial`.
        tol: stop when ‖∇loss‖ ≤ tol · ‖∇loss‖ at the initial point; 0 never stops early.
        optimizer: "gd", "heavy-ball", "nesterov", "adam", "sgdw" or "adamw", as in `nccli.dufm.optimizers`.
        momentum: β of heavy-ball, nesterov and sgdw, β_1 of adam and adamw; 0 for gd.
        schedule: of the learning rate, as `nccli.training.schedule.parse_schedule` takes it.
        collapse_tol: relative within-class deviation below which a run goes on as its class means even though that
            changes its trajectory; 0 only where it does not (`nccli.dufm.reduction`).
        refine: whether its point is the refined end of the run that is `plain` (`nccli.dufm.refined`).
        objective: what the output is held to, as in `nccli.objective`.
        init: how the initial point is drawn, one of the draws of `nccli.dufm.initial`.
        start: where the point came from that the run begins at, None for a random one.
        start_print: fingerprint of that point (`nccli.dufm.start.StartPoint`).
        noise: relative size of what is added to it.
        polish: whether its point is the polished end of the run that is `plain` (`nccli.dufm.polish`).
        noise_scale: S; every entry of the gradient gets S ξ at every step, ξ standard normal.
        batch_size: samples that a step takes (`nccli.dufm.other_steps`); None for all.
        bias: "none", "last" (of W_L) or "all"; biases begin at zero and decay with their layer's λ (`nccli.dufm.bias`).
        targets_print: fingerprint of the targets, where they are not one-hot (`nccli.dufm.targets`).
        until: "steps", or "settled" for going on to larger budgets (`budgets`) until a run has settled.
        class_counts: samples of each class where these differ, and n is then the largest; None for n of each, as which
            counts that are all equal are taken too.

    Raises:
        InputError: a value is out of its range.
    """

    kind: ClassVar[str] = "dufm"

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
    optimizer: str = "gd"
    momentum: float = 0.0
    schedule: str = "constant"
    collapse_tol: float = 0.0
    refine: bool = False
    objective: str = "mse"
    init: str = "normal"
    start: str | None = None
    start_print: str | None = None
    noise: float = 0.0
    polish: bool = False
    until: str = Until.STEPS.value
    class_counts: tuple[int, ...] | None = None
    noise_scale: float = 0.0
    batch_size: int | None = None
    bias: str = BiasName.NONE.value
    targets_print: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for field in ("wd_h1", "lr", "init_scale", "tol", "momentum", "collapse_tol", "noise", "noise_scale"):
            object.__setattr__(self, field, float(getattr(self, field)))  # 1 and 1.0 are one configuration, one run id
        object.__setattr__(self, "wd_layers", tuple(map(float, self.wd_layers)))
        problem = self.problem
        object.__setattr__(self, "n", problem.n)
        object.__setattr__(self, "class_counts", problem.counts)
        try:
            object.__setattr__(self, "activation", activation_text(self.activation))  # leaky and leaky:0.1 are one run
        except ValueError as error:
            raise InputError(f"activation {error}") from error
        require_trainable(self)

    @property
    def is_noisy(self) -> bool:
        """Whether its steps are not those of full-batch descent: they draw noise, or samples."""
        return self.noise_scale > 0 or self.batch_size is not None

    @property
    def is_plain(self) -> bool:
        """Whether its steps are those of full-batch descent without biases, which compiled code and kernels know."""
        return not self.is_noisy and self.bias == BiasName.NONE

    @property
    def finishes(self) -> bool:
        """Whether its point is made from the stored end of another run, `plain`."""
        return self.refine or self.polish

    @property
    def plain(self) -> "DufmConfig":
        """The descent whose end is refined or polished, or this run itself."""
        return replace(self, refine=False, polish=False) if self.finishes else self

    @property
    def has_schedule(self) -> bool:
        """Whether steps depend on the budget."""
        return self.schedule != "constant"

    @property
    def budgets(self) -> tuple[int, ...]:
        """Steps after which the run may end: its budget; until settled also twice, four, … times as many."""
        last = SETTLED_FACTOR if self.until == Until.SETTLED else 1
        return tuple(self.steps * 2**i for i in range(last.bit_length()) if self.steps * 2**i <= _MOST_STEPS)

    @property
    def most_steps(self) -> int:
        """The last of its budgets."""
        return self.budgets[-1]

    def without_budget(self) -> "DufmConfig":
        """What runs share one of which is the beginning of the other."""
        return replace(self, steps=1, until=Until.STEPS.value)

    @property
    def problem(self) -> Problem:
        """The problem without width and optimiser, for comparison with theory."""
        linear = is_linear(self.objective, self.activation)
        sizes = (self.K, self.L, self.n)
        return Problem(*sizes, self.wd_h1, self.wd_layers, self.objective, linear, self.class_counts)

    @property
    def N(self) -> int:
        """Samples of all classes."""
        return self.n * self.K if self.class_counts is None else sum(self.class_counts)

    @property
    def way_down(self) -> Optimizer:
        """The optimiser as an object."""
        return OPTIMIZERS[self.optimizer]

    @property
    def slope(self) -> float | None:
        """Slope of leaky ReLU below zero; None of the other activations."""
        return leaky_slope(self.activation)

    @property
    def aim(self) -> Objective:
        """The objective as an object."""
        return objective_named(self.objective)

    @property
    def at_random(self) -> "DufmConfig":
        """The same run, begun at a random point: for what only its sizes matter to."""
        return replace(self, start=None, start_print=None, noise=0.0)

    @property
    def batch_key(self) -> tuple[Any, ...]:
        """Runs with equal keys can share one batched program."""
        shape = (self.K, self.L, self.n, self.width, self.steps, self.dtype, self.activation, self.epsilon)
        how = (self.optimizer, self.momentum, self.schedule, self.objective)
        noise = (self.noise_scale > 0, self.batch_size, self.bias, self.targets_print)
        return (*shape, *how, self.until, self.refine, self.polish, self.class_counts, *noise)

    @property
    def decay_time(self) -> float:
        """Largest time constant of weight decay, in steps; inf where it exceeds what a float can hold.

        1/(η λ), less with momentum, more with a schedule; 0 for Adam, whose pace has no such constant.
        """
        return self._time_constant(min(self.wd_h1, *self.wd_layers))

    @property
    def features_decay_time(self) -> float:
        """The time constant of the weight decay of H_1, as `decay_time`."""
        return self._time_constant(self.wd_h1)

    def _time_constant(self, wd: float) -> float:
        return self.way_down.decay_steps(self.lr * mean_factor(self.schedule), self.momentum, wd)

    def paces(self, first: int, count: int) -> Float[np.ndarray, "count numbers"] | None:
        """Rows of `nccli.dufm.pace.paces` for steps `first` to `first + count − 1`; None for `FULL_PACE` throughout."""
        if not self.has_schedule and not self.way_down.numbers_a_step:
            return None
        return paces(self.schedule, self.way_down, self.momentum, self.steps, first, count)

    def as_dict(self) -> dict[str, Any]:
        """All fields as JSON-ready values; those of `_OPTIONAL` only where they differ from their default."""
        fields = asdict(self)
        fields["wd_layers"] = list(self.wd_layers)
        if self.class_counts is not None:
            fields["class_counts"] = counts_text(self.class_counts)
        return {name: value for name, value in fields.items() if _OPTIONAL.get(name, _ALWAYS) != value}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "DufmConfig":
        """The inverse of `as_dict`.

        Raises:
            InputError: a value is out of its range.
            TypeError: a field is missing or unknown.
        """
        known = {**fields, "wd_layers": tuple(fields["wd_layers"])}
        if known.get("class_counts") is not None:
            known["class_counts"] = parse_counts(known["class_counts"])
        return cls(**known)


_ALWAYS = object()
_OPTIONAL = {
    "epsilon": None,
    "optimizer": "gd",
    "momentum": 0.0,
    "schedule": "constant",
    "collapse_tol": 0.0,
    "refine": False,
    "objective": "mse",
    "init": "normal",
    "start": None,
    "start_print": None,
    "noise": 0.0,
    "polish": False,
    "until": Until.STEPS.value,
    "class_counts": None,
    "noise_scale": 0.0,
    "batch_size": None,
    "bias": BiasName.NONE.value,
    "targets_print": None,
}
"""Fields that run ids do not see at these values: they came after the first runs, or do not always apply."""
