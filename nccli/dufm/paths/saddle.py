"""The stationary point that a path leads over, by Newton's method from its highest point."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from nccli.dufm.paths.band import Tick
from nccli.dufm.paths.landscape import Vector, Vectors
from nccli.dufm.paths.polyline import Way
from nccli.dufm.refined.candidate import Candidate, attempt, boxed
from nccli.dufm.refined.certificate import CERTIFIED
from nccli.dufm.refined.kinks import layerwise, near_zero, signs
from nccli.dufm.refined.network import reduced
from nccli.dufm.refined.problem import RefinedProblem
from nccli.dufm.refined.units import slim
from nccli.errors import InputError

_BESIDE, _RADII = 2, (3e-2, 1e-2)
"""Tastes: how many images from the highest Newton's method begins at too, and pre-activations, as shares of the unit's
largest, below which it takes them for kinks."""

_LOOKED = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2)
"""Tastes: such shares too, for the smallest subgradient."""

_SMALL = 1e-3
"""A taste: least size of a unit, and least distance of two, that are kept apart: Newton's method pays for each."""

_AGAIN, _FALL, _MOST, _LARGEST = 1e-2, 0.7, 200, 1500
"""Tastes: residual from which it goes on, and how much that has to fall each time; Hessians in all, half a minute with
700 unknowns; and the most unknowns."""


_ABOVE = 1e-3
"""A bound: share of the rise by which the highest of the points that are looked at may be below the top of a path."""


@dataclass(frozen=True, eq=False)
class Saddle:
    """What Newton's method made of the highest point of a path.

    Attributes:
        residual: norm of the smallest subgradient found at the top of the path, over ‖(λθ)‖; inf where none is.
        loss: of the stationary point; None where none was reached.
        stationary: residual of that.
    """

    residual: float
    loss: float | None = None
    stationary: float | None = None


def saddle_near(way: Way, tick: Tick) -> Saddle | None:
    """Look for what is stationary near the top of a path; None for an activation or objective without that.

    Args:
        way: the path.
        tick: called before every step; may raise to stop.
    """
    config = way.landscape.config
    wd = (config.wd_h1, *config.wd_layers)
    try:
        problem = RefinedProblem(config.K, 1, config.width, wd, config.activation, config.objective)
    except InputError:
        return None
    with np.errstate(all="ignore"):  # trial steps that run away are refused
        return _newton(way, problem, tick)


def _newton(way: Way, problem: RefinedProblem, tick: Tick) -> Saddle:
    """From the top and images around, to a stationary point that is above the ends and not above the path."""
    (place, top), least = way.top, max(way.ends)
    most, count = top + _ABOVE * (top - least), 0
    highest = way.at(np.array([place]))[0]
    residual = min(_begun(way, problem, highest, radius).residual for radius in _LOOKED)
    for vector, radius in product((highest, *_around(way)), _RADII):
        begun = _begun(way, problem, vector, radius)
        network = begun.network
        while count < _MOST and network.size <= _LARGEST:
            found, more = attempt(network, begun.x, begun.kinks, tick)
            count += more
            if found.residual < CERTIFIED and least < network.loss(found.x) <= most:
                return Saddle(float(residual), network.loss(found.x), found.residual)
            if not found.residual < min(_AGAIN, _FALL * begun.residual):
                break
            begun = found
    return Saddle(float(residual))


def _begun(way: Way, problem: RefinedProblem, vector: Vector, radius: float) -> Candidate:
    """A point with its kinks and the multipliers that make its subgradient small; residual inf if that is no number."""
    point = way.landscape.point(vector)
    network, x = reduced(problem, point.means, slim(problem, point.means, point.weights, _SMALL, _SMALL))
    forward = network.forward(x)
    held = near_zero(network, forward, radius)
    return boxed(network, x, layerwise(network, forward, held, signs(network, forward)))


def _around(way: Way) -> Vectors:
    """Images before and behind the highest."""
    top = int(way.landscape.loss(way.images).argmax())
    return way.images[[min(top + _BESIDE, len(way.images) - 1), max(top - _BESIDE, 0)]]
