"""What determines an end-to-end run, and nothing else: two equal configurations are the same run."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from nccli.catalogue.options import HeadInit, ObjectiveName, Precision, Regularisation
from nccli.catalogue.settings import complaints, decay_complaints
from nccli.e2e.rates import Rates
from nccli.errors import InputError
from nccli.objective import objective_named
from nccli.theory import Problem, counts_text, parse_counts
from nccli.training.schedule import parse_schedule

H1_SHARE = 5.0
"""n λ_{H_1} / λ where λ_{H_1} is not given: 5 in the paper's end-to-end runs (n = 5000, λ = 0.005, λ_{H_1} = 5e-6)."""


@dataclass(frozen=True)
class E2eConfig:
    """Configuration of one run: a backbone whose output is H_1, and a head of L bias-free layers with ReLU between.

    Attributes:
        dataset: name of the data, for people.
        data: fingerprint of the data, `nccli.e2e.images.ImageSet.fingerprint`.
        samples: N, training samples.
        K, n: classes and samples a class; n is the mean, rounded down, of an unbalanced set, and the largest class of
            one that was made so.
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
        steps: the budget.
        batch_size: samples of every batch, all N where there are fewer.
        seed: of the initial weights, the order of the samples and everything else that is drawn.
        init: of the head: "he" (N(0, 2/in)) or "default" (torch.nn.Linear's, N(0, 1/(3 in)) in variance).
        init_scale: factor on the head's initial weights.
        augment: random crops and flips; they keep features of a class apart.
        precision: while it trains: "float32", "tf32" (products of matrices on a GPU) or "bf16" (bfloat16 in the
            backbone).
        objective: what the output is held to, in `nccli.objective`.
        lr_rise, wd_rise: as `nccli.e2e.rates.Rates` has them; 0 for no rise.
        feature_scale: mean of ‖h_1‖² at the start over that of DNC; 0 leaves the initial features as they are.
        class_counts: samples of each class of a set that was made unbalanced; None for all others.

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
    steps: int
    batch_size: int
    seed: int
    momentum: float = 0.0
    schedule: str = "constant"
    clip: float = 1.0
    init: str = "he"
    init_scale: float = 1.0
    augment: bool = False
    precision: str = Precision.FLOAT32.value
    balanced: bool = True
    objective: str = ObjectiveName.MSE.value
    lr_rise: float = 0.0
    wd_rise: float = 0.0
    feature_scale: float = 0.0
    class_counts: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for field in ("wd_h1", "lr", "momentum", "clip", "init_scale", "lr_rise", "wd_rise", "feature_scale"):
            object.__setattr__(self, field, float(getattr(self, field)))  # 1 and 1.0 are one configuration, one run id
        object.__setattr__(self, "wd_layers", tuple(map(float, self.wd_layers)))
        sizes = {name: getattr(self, name) for name in ("K", "L", "width", "steps", "batch_size", "seed")}
        if not (self.clip >= 0 and math.isfinite(self.clip)):
            raise InputError(f"clip = {self.clip}: must be a norm, or 0 for none")
        scale = self.feature_scale or None
        of_numbers = complaints(lr=self.lr, init_scale=self.init_scale, clip=self.clip or None, feature_scale=scale)
        for complaint in (*of_numbers, *complaints(**sizes)):
            raise InputError(complaint)
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum = {self.momentum}: must be in [0, 1)")
        for name in ("lr_rise", "wd_rise"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(
                    f"{name.replace('_', '-')} = {getattr(self, name)}: must be a share of the steps, 0 to 1"
                )
        for name, wanted in (
            ("reg", tuple(Regularisation)),
            ("init", tuple(HeadInit)),
            ("objective", tuple(ObjectiveName)),
            ("precision", tuple(Precision)),
        ):
            if getattr(self, name) not in wanted:
                raise InputError(f"{name} '{getattr(self, name)}': must be one of {', '.join(wanted)}")
        parse_schedule(self.schedule)
        self._check_decays()
        for complaint in decay_complaints(self.wd_h1 or None, self.wd_layers):
            raise InputError(complaint)

    def _check_decays(self) -> None:
        if self.reg == "dufm":
            sizes = (self.K, self.L, max(1, self.n))
            _ = Problem(*sizes, self.wd_h1, self.wd_layers, self.objective, counts=self.class_counts)
            return
        if len(self.wd_layers) != self.L or len(set(self.wd_layers)) != 1 or self.wd_h1 != 0:
            raise InputError("reg standard has one weight decay for all parameters: give --wd alone")
        if not (self.wd_layers[0] > 0 and math.isfinite(self.wd_layers[0])):
            raise InputError(f"weight decay λ = {self.wd_layers[0]}: must be positive and finite")

    @property
    def problem(self) -> Problem | None:
        """The DUFM that the run is an instance of; None with standard regularisation or a set that came unbalanced.

        None too of unequal classes where these have no closed form: with another objective than the squared error.
        """
        if self.class_counts is not None and self.objective != ObjectiveName.MSE:
            return None
        if self.reg != "dufm" or not (self.balanced or self.class_counts):
            return None
        decays = (self.wd_h1, self.wd_layers)
        return Problem(self.K, self.L, self.n, *decays, self.objective, counts=self.class_counts)

    @property
    def constant_fit(self) -> float:
        """The least fit of an output that is the same for all samples: the share of each class, or its logarithm."""
        if self.class_counts is None:
            return objective_named(self.objective).constant_fit(self.K)
        shares = [count / self.samples for count in self.class_counts]
        if self.objective == ObjectiveName.MSE:
            return 0.5 * (1 - sum(share**2 for share in shares))
        return -sum(share * math.log(share) for share in shares)

    @property
    def batch(self) -> int:
        """B, samples of every step."""
        return min(self.batch_size, self.samples)

    @property
    def epochs(self) -> int:
        """Whole passes over the training set."""
        return self.steps * self.batch // self.samples

    @property
    def steps_per_epoch(self) -> int:
        """Steps that have seen every sample, the last of them samples of the next epoch too where N/B is no integer."""
        return math.ceil(self.samples / self.batch)

    @property
    def rates(self) -> Rates:
        """Factors on the learning rate and on every λ."""
        return Rates(self.schedule, self.lr_rise, self.wd_rise)

    @property
    def decay_time(self) -> float:
        """Steps in which weight decay alone shrinks the slowest layer by a factor e, with the mean of the rates.

        (1 − β)/(lr λ) at constant rates, λ the least λ_{W_l}; inf where nothing shrinks.
        """
        rate = self.lr * self.rates.mean_decay / (1 - self.momentum) * min(self.wd_layers)
        return 1 / rate if rate > 0 else math.inf

    @property
    def time_constants(self) -> float:
        """Of weight decay, in the whole budget."""
        return self.steps / self.decay_time

    def time_constants_at(self, step: int) -> float:
        """Of weight decay, in the first so many steps."""
        return self.time_constants * self.rates.decay_until(step / self.steps) / self.rates.mean_decay

    def as_dict(self) -> dict[str, Any]:
        """All fields as JSON-ready values; those of `_OPTIONAL` only where they differ from their default."""
        fields = asdict(self)
        fields["wd_layers"] = list(self.wd_layers)
        if self.class_counts is not None:
            fields["class_counts"] = counts_text(self.class_counts)
        return {name: value for name, value in fields.items() if _OPTIONAL.get(name, _ALWAYS) != value}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "E2eConfig":
        """The inverse of `as_dict`, and of what it was when budgets were epochs.

        Raises:
            InputError: a value is out of its range.
            TypeError: a field is missing or unknown.
        """
        today = _of_today(fields)
        counts = today.get("class_counts")
        found = {"wd_layers": tuple(today["wd_layers"]), "class_counts": counts and parse_counts(counts)}
        return cls(**{**_OPTIONAL, **today, **found})


def _of_today(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Stored fields by their names of today: epochs were whole numbers of batches of nearly equal size."""
    found = dict(fields)
    if "epochs" in found:
        found["steps"] = found.pop("epochs") * math.ceil(found["samples"] / found["batch_size"])
    if "precision" not in found:
        found["precision"] = (Precision.BF16 if found.pop("autocast", None) else Precision.FLOAT32).value
    return found


_ALWAYS = object()
_OPTIONAL = {"init_scale": 1.0, "clip": 1.0, "augment": False, "balanced": True, "objective": "mse"}
_OPTIONAL |= dict.fromkeys(("lr_rise", "wd_rise", "feature_scale"), 0.0) | {"class_counts": None}
"""Fields that run ids do not see at these values, as they are not told of older runs."""
