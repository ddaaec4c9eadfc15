"""How long a run is: in steps, in epochs, or in time constants of weight decay."""

import math
from dataclasses import dataclass, replace

from nccli.catalogue.recipe import TIME_CONSTANTS
from nccli.e2e.config import E2eConfig
from nccli.errors import InputError

_MOST_STEPS = 2**31 - 1
"""A bound: what the column of a store holds."""


@dataclass(frozen=True)
class Duration:
    """What was asked for: one of three, or none for `TIME_CONSTANTS`.

    Attributes:
        steps: of gradient descent.
        epochs: passes over the training set; a last batch that begins within them is taken whole.
        time_constants: 1/(lr λ/(1 − β)) steps each, of the least λ_W; longer where rates or λ rise, or rates fall.

    Raises:
        InputError: more than one of them, or one that is not positive.
    """

    steps: int | None = None
    epochs: int | None = None
    time_constants: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a duration."""
        asked = [f"--{name.replace('_', '-')}" for name, value in vars(self).items() if value is not None]
        if len(asked) > 1:
            raise InputError(f"{' and '.join(asked)} say the same: give one of them")
        for name, value in vars(self).items():
            if value is not None and not (value > 0 and math.isfinite(value)):
                least = "positive" if name == "time_constants" else "at least 1"
                raise InputError(f"{name.replace('_', '-')} = {value}: must be {least}")

    def of(self, config: E2eConfig) -> E2eConfig:
        """The run with its budget of steps, whatever budget it had.

        Raises:
            InputError: so many steps that no run ends.
        """
        if self.steps is not None:
            return replace(config, steps=self.steps)
        if self.epochs is not None:
            return replace(config, steps=math.ceil(self.epochs * config.samples / config.batch))
        wanted = TIME_CONSTANTS if self.time_constants is None else self.time_constants
        steps = wanted * config.decay_time
        if not steps <= _MOST_STEPS:
            raise InputError(
                f"lr = {config.lr:g}, λ = {min(config.wd_layers):g}: {wanted:g} time constants 1/(lr·λ) are "
                f"{steps:.3g} steps; give --steps or --epochs"
            )
        return replace(config, steps=math.ceil(steps))
