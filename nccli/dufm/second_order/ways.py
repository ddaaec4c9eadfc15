"""Ways down from a point that is no minimum, as displacements of the whole network, and a point below it.

What first and second order promise is walked: the loss along it is the exact one, of all units.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from nccli.dufm.second_order.lost_classes import best_row
from nccli.dufm.second_order.multipliers import Multipliers
from nccli.dufm.second_order.new_units import EQUAL, NewUnit
from nccli.dufm.second_order.point import ActivePoint, Matrix, Vector
from nccli.dufm.second_order.spare import Spare
from nccli.dufm.second_order.spectrum import Spectrum
from nccli.dufm.second_order.weak_kinks import WeakKinks

Place = tuple[Matrix, list[Matrix]]

_LENGTHS = tuple(float(t) for t in np.geomspace(1, 1e-4, 25))
"""A taste: lengths that are tried, relative to the norm of the point."""

_BACK = 3
"""A taste: Newton steps back to the kinks after a step along them."""

_FELT = 1e-12
"""A bound: rounding of a loss, relative to it."""


@dataclass(frozen=True, eq=False)
class Way:
    """A way.

    Attributes:
        name: what moves.
        sure: whether the loss falls by first or second order; otherwise it is flat so far.
        slope: curvature or slope along it, for the order of several.
        at: M_1 and W_1..W_L at a relative length.
    """

    name: str
    sure: bool
    slope: float
    at: Callable[[float], Place] = field(repr=False)


def ways(
    found: Multipliers,
    along: Spectrum | None = None,
    spare: Spare | None = None,
    weak: WeakKinks | None = None,
    units: Sequence[NewUnit] = (),
    lost: tuple[float, Vector] | None = None,
    zero: float = 0.0,
) -> list[Way]:
    """All ways of a point, those that are sure first and the steepest of them first."""
    point = found.network.point
    if spare is None:
        return [_straight(point, "against the gradient", -found.network.gradient, -found.residual)]
    ways_ = list(_kinks(found))
    if along is not None and (along.values < -zero).any():
        pairs = zip(along.values[along.values < -zero], along.low, strict=False)
        ways_ += [_curved(found, "along the kinks", s * v, float(w)) for w, v in pairs for s in (1, -1)]
    if weak is not None and weak.direction is not None:
        ways_.append(_straight(point, "off weak kinks", weak.direction, weak.least))
    for down in spare.downhill:
        ways_.append(_grown(point, down.layer, down.below, down.above, down.curvature))
    for unit in units:
        if unit.gain > 1 + EQUAL:
            ways_.append(_unit(point, unit.layer, unit.incoming, unit.outgoing, 1 - unit.gain))
    if lost is not None and lost[0] < -zero:
        ways_.append(_revived(point, lost))
    if weak is not None and weak.exits is not None:
        ways_.append(_straight(point, "off weak kinks", weak.exits, 0.0))
    for unit in units:
        D = found.network.D[unit.layer - 1]
        H = found.network.H[unit.layer - 2]
        for ray in unit.rays[:: max(1, len(unit.rays) // 5)]:
            v = -D @ (H.T @ ray).clip(0) / point.wd[unit.layer]
            ways_.append(_unit(point, unit.layer, ray, v, 0.0))
    return sorted(ways_, key=lambda way: (not way.sure, way.slope))


def lower_point(point: ActivePoint, down: Sequence[Way]) -> tuple[Way, Place] | None:
    """The lowest point on the first way that leads below the loss of the point; None where none does."""
    before = whole_loss(point, point.whole())
    for way in down:
        places = [way.at(length) for length in _LENGTHS]
        losses = [whole_loss(point, place) for place in places]
        best = int(np.argmin(losses))
        if losses[best] < before * (1 - _FELT):
            return way, places[best]
    return None


def whole_loss(point: ActivePoint, place: Place) -> float:
    """Of the n-sample problem, all units."""
    problem, (means, weights) = point.problem, place
    H = means
    for layer, W in enumerate(weights):
        Z = W @ H
        H = Z.clip(0) if layer < problem.L - 1 and problem.has_relu[layer] else Z
    reg = problem.collapsed_wd[0] * (means**2).sum()
    reg += sum(lam * (W**2).sum() for lam, W in zip(problem.wd[1:], weights, strict=True))
    return float(((Z - np.eye(problem.K)) ** 2).sum() / (2 * problem.K) + reg / 2)


def _straight(point: ActivePoint, name: str, direction: Vector, slope: float) -> Way:
    unit = direction * (np.linalg.norm(point.vector) / max(float(np.linalg.norm(direction)), 1e-300))
    return Way(name, slope < 0, slope, lambda t: point.moved(point.vector + t * unit).whole())


def _curved(found: Multipliers, name: str, direction: Vector, slope: float) -> Way:
    """Along a direction, and back to the manifold of kinks, which is curved."""
    point = found.network.point
    J = found.network.rows(found.held)
    inverse = np.linalg.pinv(J, rcond=1e-9)
    length = float(np.linalg.norm(point.vector))

    def at(t: float) -> Place:
        x = point.vector + t * length * direction
        for _ in range(_BACK):
            Z = point.moved(x).forward()[1]
            x = x - inverse @ np.concatenate([np.zeros(0), *(z[q] for z, q in zip(Z, found.held, strict=False))])
        return point.moved(x).whole()

    return Way(name, True, slope, at)


def _kinks(found: Multipliers) -> "list[Way]":
    """The kink with the most negative one-sided derivative, moved alone."""
    M, B = found.values
    slopes = np.concatenate([B - M, M])
    if not slopes.min(initial=0.0) < -found.none:
        return []
    at = int(np.argmin(slopes))
    J = found.network.rows(found.held)
    direction = np.linalg.pinv(J, rcond=1e-9)[:, at % len(M)] * (1 if at < len(M) else -1)
    return [_straight(found.network.point, "off a kink", direction, float(slopes[at]))]


def _unit(point: ActivePoint, layer: int, w: Vector, v: Vector, slope: float) -> Way:
    """A new unit with its two sides in balance."""
    lam_in, lam_out = point.wd[layer - 1], point.wd[layer]
    balance = np.sqrt(np.sqrt(lam_out / lam_in) * np.linalg.norm(v) / max(float(np.linalg.norm(w)), 1e-300))
    return _grown(point, layer, w * balance, v / max(float(balance), 1e-300), slope)


def _grown(point: ActivePoint, layer: int, below: Vector, above: Vector, slope: float) -> Way:
    """Weights of a spare dimension (layer 1) or zero unit begin to grow; in the whole network."""
    name = "by a new dimension of H_1" if layer == 1 else f"by a new unit in layer {layer}"
    size = np.sqrt(below @ below + above @ above)
    length = float(np.linalg.norm(point.vector)) / max(float(size), 1e-300)

    def at(t: float) -> Place:
        means, weights = point.whole()
        rows = [*point.units, np.ones(point.problem.K, bool)]
        if layer == 1:
            outside = _outside(point.turn)
            means = means.copy()
            means[:, ~point.lost] += t * length * np.outer(outside, below) / np.sqrt(point.problem.n)
            weights[0][rows[0]] += t * length * np.outer(above, outside)
            return means, weights
        new = int(np.flatnonzero(~point.units[layer - 2])[0])
        if layer == 2:
            weights[0][new] = t * length * (point.turn @ below)
        else:
            weights[layer - 2][new, np.flatnonzero(point.units[layer - 3])] = t * length * below
        weights[layer - 1][np.flatnonzero(rows[layer - 1]), new] = t * length * above
        return means, weights

    return Way(name, slope < 0, slope, at)


def _revived(point: ActivePoint, lost: tuple[float, Vector]) -> Way:
    """A lost class gets features and a row of W_L."""
    slope, v = lost
    k, length = int(np.flatnonzero(point.lost)[0]), float(np.linalg.norm(point.vector))

    def at(t: float) -> Place:
        means, weights = point.whole()
        means[:, k] = t * length * (point.turn @ v) / np.sqrt(point.problem.n)
        H = means[:, k]
        for layer, W in enumerate(weights[:-1]):
            H = (W @ H).clip(0) if point.problem.has_relu[layer] else W @ H
        active = point.units[-1]
        weights[-1][k, active] = best_row(point) @ H[active] / point.problem.K
        return means, weights

    return Way("by a lost class", True, slope, at)


def _outside(turn: Matrix) -> Vector:
    """A unit vector orthogonal to the columns."""
    d = len(turn)
    inner = np.eye(d) - turn @ turn.T
    column = inner[:, int(np.argmax(np.linalg.norm(inner, axis=0)))]
    return np.asarray(column / np.linalg.norm(column))
