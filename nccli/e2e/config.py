"""What determines an end-to-end run, and nothing else: two equal configurations are the same run."""

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from nccli.catalogue.options import HeadInit, ObjectiveName, Regularisation
from nccli.catalogue.settings import complaints, decay_complaints
from nccli.errors import InputError
from nccli.theory import Problem
from nccli.training.schedule import mean_factor, parse_schedule

H1_SHARE = 5.0
"""n λ_{H_1} / λ where λ_{H_1} is not given: 5 in the paper's end-to-end runs (n = 5000, λ = 0.005, λ_{H_1} = 5e-6)."""

TIME_CONSTANTS = 10
"""A bound: of what weight decay alone shrinks, e^−10 = 5e-5 is left after so many, less than a rank's threshold."""

_MOST_STEPS = 1e12
"""A bound: at a microsecond a step, two weeks."""


@dataclass(frozen=True)
class E2eConfig:
    """Configuration of one run: a backbone whose output is H_1, and a head of L bias-free layers with ReLU between.

    Attributes:
        dataset: name of the data, for people.
        data: fingerprint of the data, `nccli.e2e.images.ImageSet.fingerprint`.
        samples: N, training samples.
        K, n: classes and samples a class; n is the mean, rounded down, of an unbalanced set.
        balanced: whether every class has n samples.
        backbone: as `nccli.e2e.backbones.build_backbone` takes it.
        L, width: layers of the head and width of its hidden ones.
        reg: "dufm" (λ_{H_1} on the backbone's output, λ_{W_l} on the head) or "standard" (λ on every parameter).
        wd_h1: λ_{H_1}, on the sum over all N samples; 0 for "standard".
        wd_layers: λ_{W_1}, …, λ_{W_L}; all equal for "standard".
        lr, momentum, schedule: of stochastic gradient descent as in torch.optim.SGD, and
            `nccli.training.schedule.parse_schedule`.
        clip: the largest norm of a step's gradient, weight decay of parameters left out; 0 for any. Initial features
            are large, and full steps diverge on them.
        epochs, batch_size: an epoch is `steps_per_epoch` batches of nearly equal size.
        seed: of the initial weights, the order of the samples and everything else that is drawn.
        init: of the head: "he" (N(0, 2/in)) or "default" (torch.nn.Linear's, N(0, 1/(3 in)) in variance).
        init_scale: factor on the head's initial weights.
        augment: random crops and flips; they keep features of a class apart.
        autocast: bfloat16 in the backbone while it trains; None: on CUDA only.
        objective: what the output is held to, in `nccli.objective`.

    Raises:
        InputError: a value is out of its range.
    """

    kind: ClassVar[str] = "e2e"

    dataset: str
    data: str
    samples: int
    K: int
    n: int
    backbone: str
    L: int
    width: int
    reg: str
    wd_h1: float
    wd_layers: tuple[float, ...]
    lr: float
    epochs: int
    batch_size: int
    seed: int
    momentum: float = 0.9
    schedule: str = "constant"
    clip: float = 1.0
    init: str = "he"
    init_scale: float = 1.0
    augment: bool = False
    autocast: bool | None = None
    balanced: bool = True
    objective: str = ObjectiveName.MSE.value

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for field in ("wd_h1", "lr", "momentum", "clip", "init_scale"):
            object.__setattr__(self, field, float(getattr(self, field)))  # 1 and 1.0 are one configuration, one run id
        object.__setattr__(self, "wd_layers", tuple(map(float, self.wd_layers)))
        sizes = {name: getattr(self, name) for name in ("K", "L", "width", "epochs", "batch_size", "seed")}
        if not (self.clip >= 0 and math.isfinite(self.clip)):
            raise InputError(f"clip = {self.clip}: must be a norm, or 0 for none")
        of_numbers = complaints(lr=self.lr, init_scale=self.init_scale, clip=self.clip or None)
        for complaint in (*of_numbers, *complaints(**sizes)):
            raise InputError(complaint)
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum = {self.momentum}: must be in [0, 1)")
        for name, wanted in (
            ("reg", tuple(Regularisation)),
            ("init", tuple(HeadInit)),
            ("objective", tuple(ObjectiveName)),
        ):
            if getattr(self, name) not in wanted:
                raise InputError(f"{name} '{getattr(self, name)}': must be one of {', '.join(wanted)}")
        parse_schedule(self.schedule)
        self._check_decays()
        for complaint in decay_complaints(self.wd_h1 or None, self.wd_layers):
            raise InputError(complaint)

    def _check_decays(self) -> None:
        if self.reg == "dufm":
            _ = Problem(self.K, self.L, max(1, self.n), self.wd_h1, self.wd_layers)
            return
        if len(self.wd_layers) != self.L or len(set(self.wd_layers)) != 1 or self.wd_h1 != 0:
            raise InputError("reg standard has one weight decay for all parameters: give --wd alone")
        if not (self.wd_layers[0] > 0 and math.isfinite(self.wd_layers[0])):
            raise InputError(f"weight decay λ = {self.wd_layers[0]}: must be positive and finite")

    @property
    def problem(self) -> Problem | None:
        """The DUFM that the run is an instance of; None with standard regularisation or unbalanced classes."""
        if self.reg != "dufm" or not self.balanced:
            return None
        return Problem(self.K, self.L, self.n, self.wd_h1, self.wd_layers, self.objective)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return math.ceil(self.samples / self.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    @property
    def decay_time(self) -> float:
        """Largest time constant of the head's weight decay in steps, (1 − β)/(lr λ), longer with a schedule."""
        return decay_time(self.lr, self.momentum, self.schedule, min(self.wd_layers))

    def as_dict(self) -> dict[str, Any]:
        """All fields as JSON-ready values; those of `_OPTIONAL` only where they differ from their default."""
        fields = asdict(self)
        fields["wd_layers"] = list(self.wd_layers)
        return {name: value for name, value in fields.items() if _OPTIONAL.get(name, _ALWAYS) != value}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "E2eConfig":
        """The inverse of `as_dict`.

        Raises:
            InputError: a value is out of its range.
            TypeError: a field is missing or unknown.
        """
        return cls(**{**_OPTIONAL, **fields, "wd_layers": tuple(fields["wd_layers"])})


def decay_time(lr: float, momentum: float, schedule: str, wd: float) -> float:
    """Steps in which weight decay alone shrinks a weight by a factor e; inf where nothing does."""
    rate = lr * mean_factor(schedule) / (1 - momentum) * wd if momentum < 1 else 0.0
    return 1 / rate if rate > 0 else math.inf


def enough_epochs(lr: float, momentum: float, schedule: str, wd: float, steps_per_epoch: int) -> int:
    """Epochs of ten time constants of weight decay.

    Raises:
        InputError: no number of epochs is enough.
    """
    steps = TIME_CONSTANTS * decay_time(lr, momentum, schedule, wd)
    if not 0 < steps < _MOST_STEPS:
        raise InputError(f"lr = {lr}, λ = {wd}: ten time constants 1/(lr·λ) are {steps:.3g} steps; give --epochs")
    return math.ceil(steps / steps_per_epoch)


_ALWAYS = object()
_OPTIONAL = {"init_scale": 1.0, "clip": 1.0, "augment": False, "autocast": None, "balanced": True, "objective": "mse"}
"""Fields that run ids do not see at these values, as they are not told of older runs."""
