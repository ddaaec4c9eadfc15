"""Which configurations of a DUFM run can be trained."""

from typing import TYPE_CHECKING

from nccli.catalogue.activations import activation_text
from nccli.catalogue.options import ActivationName, BiasName, DtypeName, InitName, ObjectiveName, Until
from nccli.catalogue.settings import complaints, decay_complaints
from nccli.dufm.optimizers import OPTIMIZERS
from nccli.errors import InputError
from nccli.training.schedule import parse_schedule

if TYPE_CHECKING:
    from nccli.dufm.config import DufmConfig

ACTIVATIONS = tuple(activation_text(name) for name in ActivationName)
"""Each once, leaky ReLU at its usual slope."""

DTYPES = tuple(name.value for name in DtypeName)
BIASES = tuple(name.value for name in BiasName)
INITS = tuple(name.value for name in InitName)
_MOST_NOISE = 100.0
"""A taste: beyond, nothing is left of the point."""

_MOST_SCALE = 1e6
"""A bound with room: a gradient of loss 1/2 at features and weights of unit norm has norms below 1."""

UNTILS = tuple(name.value for name in Until)

_REFINED = (ActivationName.RELU.value, ActivationName.LINEAR.value, ActivationName.RELU_LAST.value)
"""Piecewise linear: those that `nccli.dufm.refined` knows."""


def require_trainable(config: "DufmConfig") -> None:
    """Refuse what cannot be trained.

    Raises:
        InputError: a value is out of its range, or two do not go together.
    """
    of_sizes = complaints(width=config.width, steps=config.steps, seed=config.seed)
    of_numbers = complaints(lr=config.lr, init_scale=config.init_scale, epsilon=config.epsilon)
    of_decays = decay_complaints(config.wd_h1, config.wd_layers)
    for complaint in (*of_numbers, *of_sizes, *of_decays):
        raise InputError(complaint)
    for name, value in (("tol", config.tol), ("momentum", config.momentum), ("collapse-tol", config.collapse_tol)):
        if not 0 <= value < 1:
            raise InputError(f"{name} = {value}: must be in [0, 1)")
    if config.dtype not in DTYPES:
        raise InputError(f"dtype '{config.dtype}': must be one of {', '.join(DTYPES)}")
    if config.init not in INITS:
        raise InputError(f"init '{config.init}': must be one of {', '.join(INITS)}")
    if (config.activation == ActivationName.RELU_EPS) != (config.epsilon is not None):
        raise InputError("epsilon belongs to activation relu-eps, and relu-eps needs it")
    if (config.start is None) != (config.start_print is None) or (config.noise and config.start is None):
        raise InputError("noise belongs to a point to start from (--from), and that has a fingerprint")
    if not 0 <= config.noise <= _MOST_NOISE:
        raise InputError(f"noise = {config.noise}: must be from 0 to {_MOST_NOISE:g}, relative to the point")
    _require_way_down(config)
    _require_other_ways(config)


def _require_way_down(config: "DufmConfig") -> None:
    """Optimiser, schedule and budget, and what is made of the end."""
    if config.optimizer not in OPTIMIZERS:
        raise InputError(f"optimizer '{config.optimizer}': must be one of {', '.join(OPTIMIZERS)}")
    if config.momentum and not config.way_down.takes_momentum:
        takers = [name for name, way in OPTIMIZERS.items() if way.takes_momentum]
        raise InputError(f"momentum belongs to {_and(takers)}; {config.optimizer} has none")
    parse_schedule(config.schedule)
    if config.until not in UNTILS:
        raise InputError(f"until '{config.until}': must be one of {', '.join(UNTILS)}")
    if config.until == Until.SETTLED and config.has_schedule:
        raise InputError(
            f"until settled: schedule {config.schedule} ends with its budget, and nothing can go on from there: "
            "--schedule constant"
        )
    if config.until == Until.SETTLED and not config.decay_time:
        raise InputError(f"until settled: {config.optimizer} has no time constant of weight decay to judge it by")
    if config.refine and config.activation not in _REFINED:
        raise InputError(f"refine is for activations {_and(list(_REFINED))}, not {config.activation}")
    if config.refine and config.class_counts is not None:
        raise InputError("refine is for classes of one size; --polish takes unequal ones")
    if config.refine and config.polish:
        raise InputError("refine begins with a polish of its own: --refine or --polish, not both")


def _require_other_ways(config: "DufmConfig") -> None:
    """Biases, targets, noise and batches."""
    if config.bias not in BIASES:
        raise InputError(f"bias '{config.bias}': must be one of {', '.join(BIASES)}")
    if config.bias != BiasName.NONE and config.finishes:
        way = "refine" if config.refine else "polish"
        raise InputError(f"{way} knows no biases: --bias none, or no --{way}")
    if config.targets_print is not None and (config.finishes or config.objective != ObjectiveName.MSE):
        raise InputError("targets are for the plain ends of descents of the mean squared error, mse")
    if not 0 <= config.noise_scale <= _MOST_SCALE:
        raise InputError(f"noise-scale = {config.noise_scale}: must be from 0 to {_MOST_SCALE:g}")
    for complaint in complaints(batch_size=config.batch_size):
        raise InputError(complaint)
    if config.batch_size is not None and config.batch_size > config.N:
        raise InputError(f"batch-size = {config.batch_size}: must be at most N = {config.N}, all samples")
    if config.is_noisy and config.collapse_tol:
        raise InputError("collapse-tol: noise and batches keep the samples of a class apart, and they go on as such")


def _and(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
