"""What to say of a network that does not tell its classes apart: once while it trains, once at the end."""

from jaxtyping import Bool, Float
from numpy import flatnonzero, logical_or, ndarray

from nccli.catalogue.recipe import LR_RISE
from nccli.e2e.config import E2eConfig
from nccli.e2e.solution_losses import zero_is_best
from nccli.metrics import constant_output, kept_classes

_CONSTANT_FOR = 0.25
"""A measurement: share of the steps after which a constant output is no passing state. On CIFAR-10 with small-cnn the
first class comes after 4 to 16 % of them."""

_SINCE, _FROM = 0.4, 0.6
"""A measurement: shares of the steps. The fit goes down class by class, and counts jump at the full rate; of the runs
in examples/README.md that kept every class each had all of them at once before 0.5."""

_ENOUGH = 5
"""A taste: measurements before which nothing is said of what never was."""


class ClassWatch:
    """Looks at the class means of a run, one measurement after the other.

    Attributes:
        kept: whether each class was kept at the latest; None before.
    """

    def __init__(self, config: E2eConfig) -> None:
        """Of this run, from where it is."""
        self._config = config
        self.kept: Bool[ndarray, " K"] | None = None
        self._ever: list[Bool[ndarray, " K"]] = []
        self._constant_since: int | None = None
        self._said = False

    def see(self, step: int, output: Float[ndarray, "K K"], hidden: Float[ndarray, "K d"]) -> str | None:
        """Take class means of the output and of H_L at a step; what is to be said now, the first time that there is."""
        self.kept = kept_classes(output, hidden, self._config.objective)
        if step >= _SINCE * self._config.steps:
            self._ever.append(self.kept)
        if not constant_output(output):
            self._constant_since = None
        elif self._constant_since is None:
            self._constant_since = step
        if self._said or step >= self._config.steps:
            return None
        said = self._constant(step) or self._lost(step)
        self._said = said is not None
        return said

    @property
    def count(self) -> int | None:
        """How many classes were kept at the latest; None before."""
        return None if self.kept is None else int(self.kept.sum())

    def at_end(self) -> str | None:
        """What is to be said of a run that ended with some classes lost; nothing of one that is constant."""
        config = self._config
        if self.kept is None or self.kept.all() or self._constant_since is not None:
            return None
        return f"{who(config)} ended with {_kept_of(self.kept)}: {_lost_names(self.kept)}; {way_out(config)}"

    def _constant(self, step: int) -> str | None:
        config, since = self._config, self._constant_since
        if since is None or step - since < _CONSTANT_FOR * config.steps:
            return None
        return (
            f"{who(config)}: every class has had the same output since step {since}, and a network seldom leaves that "
            f"point; {way_out(config)}"
        )

    def _lost(self, step: int) -> str | None:
        config = self._config
        if step < _FROM * config.steps or len(self._ever) < _ENOUGH or self._constant_since is not None:
            return None
        ever = logical_or.reduce(self._ever)
        if ever.all():
            return None
        return (
            f"{who(config)}: {_kept_of(ever)} at step {step} of {config.steps}: {_lost_names(ever)}, and had none for "
            f"long; {way_out(config)}"
        )


def way_out(config: E2eConfig) -> str:
    """The options that keep classes, of those that the run does not have yet."""
    if config.problem is not None and zero_is_best(config.problem):
        return "a smaller --wd or --wd-h1: with these no solution is better than zero"
    if config.init == "default":
        return "--init he keeps the signal"
    if config.momentum:
        return "--momentum 0 keeps classes that a long effective step loses"
    if config.lr_rise < LR_RISE:
        return f"--lr-rise {LR_RISE:g} or a smaller --lr keeps classes that the first steps lose"
    return "a smaller --lr, or a smaller --wd, keeps more of them"


def who(config: E2eConfig) -> str:
    """A run among those of one command."""
    return f"seed {config.seed}, λ = {max(config.wd_layers):g}, lr = {config.lr:g}"


def _kept_of(kept: Bool[ndarray, " K"]) -> str:
    return f"{int(kept.sum())} of {len(kept)} classes kept"


_MOST_NAMED = 5
"""A taste: classes named in one line."""


def _lost_names(kept: Bool[ndarray, " K"]) -> str:
    lost = flatnonzero(~kept).tolist()
    named = ", ".join(map(str, lost[:_MOST_NAMED])) + (", …" if len(lost) > _MOST_NAMED else "")
    return (
        f"class {named} has no output of its own" if len(lost) == 1 else f"classes {named} have no output of their own"
    )
