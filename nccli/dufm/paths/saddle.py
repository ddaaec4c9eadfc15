"""The stationary point that a path leads over, by Newton's method from its highest point."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from nccli.dufm.paths.band import Tick
from nccli.dufm.paths.landscape import Landscape, Vectors
from nccli.dufm.refined.candidate import attempt, boxed
from nccli.dufm.refined.certificate import CERTIFIED
from nccli.dufm.refined.kinks import layerwise, near_zero, signs
from nccli.dufm.refined.network import reduced
from nccli.dufm.refined.problem import RefinedProblem
from nccli.dufm.refined.units import slim
from nccli.errors import InputError

_BESIDE, _RADII = (0, 2, -2), (3e-2, 1e-2)
"""Tastes: images beside the highest that Newton's method begins at, and pre-activations, as shares of the unit's
largest, below which it takes them for kinks."""

_SMALL = 1e-3
"""A taste: least size of a unit, and least distance of two, that are kept apart: Newton's method pays for each."""

_AGAIN, _FALL, _MOST, _LARGEST = 1e-2, 0.7, 200, 1500
"""Tastes: residual from which it goes on, and how much that has to fall each time; Hessians in all, half a minute with
700 unknowns; and the most unknowns."""


_ABOVE = 0.02
"""A bound: share of the rise by which the highest image may be below the top of the path."""


@dataclass(frozen=True, eq=False)
class Saddle:
    """What Newton's method made of the highest point of a path.

    Attributes:
        residual: norm of the smallest subgradient found at the highest point, over ‖(λθ)‖.
        loss: of the stationary point; None where none was reached.
        stationary: residual of that.
    """

    residual: float
    loss: float | None = None
    stationary: float | None = None


def saddle_near(landscape: Landscape, images: Vectors, tick: Tick) -> Saddle | None:
    """Look for what is stationary near the highest of the images; None for an activation or objective without that.

    Args:
        landscape: where.
        images: of a path.
        tick: called before every step; may raise to stop.
    """
    config, losses = landscape.config, landscape.loss(images)
    top, least = int(losses.argmax()), max(losses[0], losses[-1])
    most = losses[top] + _ABOVE * (losses[top] - least)
    wd = (config.wd_h1, *config.wd_layers)
    try:
        problem = RefinedProblem(config.K, 1, config.width, wd, config.activation, config.objective)
    except InputError:
        return None
    with np.errstate(all="ignore"):  # trial steps that run away are refused
        return _newton(landscape, problem, images, top, (least, most), tick)


def _newton(
    landscape: Landscape,
    problem: RefinedProblem,
    images: Vectors,
    top: int,
    between: tuple[float, float],
    tick: Tick,
) -> Saddle:
    """From images around the highest, to a stationary point that is above the ends and not above the path."""
    count, residual = 0, np.inf
    least, most = between
    for beside, radius in product(_BESIDE, _RADII):
        point = landscape.point(images[min(max(top + beside, 0), len(images) - 1)])
        network, x = reduced(problem, point.means, slim(problem, point.means, point.weights, _SMALL, _SMALL))
        forward = network.forward(x)
        held = near_zero(network, forward, radius)
        kinks = layerwise(network, forward, held, signs(network, forward))
        begun = boxed(network, x, kinks)
        residual = min(residual, begun.residual) if beside == 0 else residual
        while count < _MOST and network.size <= _LARGEST:
            found, more = attempt(network, begun.x, begun.kinks, tick)
            count += more
            if found.residual < CERTIFIED and least < network.loss(found.x) <= most:
                return Saddle(float(residual), network.loss(found.x), found.residual)
            if not found.residual < min(_AGAIN, _FALL * begun.residual):
                break
            begun = found
    return Saddle(float(residual))
