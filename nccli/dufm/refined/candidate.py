"""A point with its kinks and slopes, as good as Newton's method makes it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nccli.dufm.refined.certificate import CERTIFIED
from nccli.dufm.refined.kinks import Kinks, state
from nccli.dufm.refined.network import Matrix, Network, Vector
from nccli.dufm.refined.polish import into_box, polish, residual

_STEPS = 8
"""A taste: Newton steps of one attempt; twice as many go on where the first were promising."""

_PROMISING = 1e-13, 1e-6
"""Tastes: residuals in between may still fall."""

_BOXED = 1e-5
"""A taste: the residual from which multipliers say something."""

_RELEASES = 5
"""A taste: how often kinks whose multipliers stay outside their boxes are given up."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A point of a reduced problem.

    Attributes:
        network: the problem.
        x: the point.
        kinks: with multipliers in their boxes.
        residual: with them, relative to ‖(λ_l W_l)‖.
    """

    network: Network
    x: Vector
    kinks: Kinks
    residual: float

    def slopes(self) -> list[Matrix]:
        """Of layers 2..L: 1 or 0 off the kinks, Δ/B at them."""
        s = state(self.network, self.network.forward(self.x), self.kinks)
        shares = [
            np.divide(d, b, out=np.zeros_like(d), where=np.abs(b) > 1e-14).clip(0, 1)
            for d, b in zip(s.D[:-1], s.B, strict=True)
        ]
        return [np.where(q, t, o) for q, t, o in zip(self.kinks.held, shares, self.kinks.on, strict=True)]


def attempt(network: Network, x: Vector, kinks: Kinks, tick: Callable[[], None]) -> tuple[Candidate, int]:
    """Newton's method, multipliers into their boxes, kinks whose multipliers stay outside released; again.

    Returns:
        The best candidate, and Hessians.
    """
    best, count = boxed(network, x, kinks), 0
    for _ in range(_RELEASES):
        for steps in (_STEPS, 2 * _STEPS):
            x, kinks, r, taken = polish(network, x, kinks, steps, tick)
            count += taken
            if not _PROMISING[0] < r < _PROMISING[1]:
                break
        found = boxed(network, x, into_box(network, x, kinks) if r < _BOXED else kinks)
        if found.residual < best.residual:
            best = found
        released = None if found.residual < CERTIFIED or r > _BOXED else _released(network, x, kinks)
        if released is None:
            break
        kinks = released
    return best, count


def boxed(network: Network, x: Vector, kinks: Kinks) -> Candidate:
    """Multipliers clipped to [0, B], and the residual with them."""
    point = network.forward(x)
    for _ in range(network.L):
        B = state(network, point, kinks).B
        M = [
            np.where(q, np.clip(m, np.minimum(b, 0), np.maximum(b, 0)), 0)
            for q, m, b in zip(kinks.held, kinks.M, B, strict=True)
        ]
        kinks = replace(kinks, M=M)
    parts = zip(kinks.held, kinks.on, point.hidden, network.problem.has_relu, strict=True)
    wrong = sum(float(np.abs(z)[~q & (o != (z > 0))].sum()) for q, o, z, has in parts if has)
    pairs = zip(network.wd[1:], point.V, point.Z, strict=True)
    scale = np.sqrt(sum(w * w * float((V * Z).sum()) for w, V, Z in pairs))
    relative = (residual(state(network, point, kinks), kinks) + wrong) / scale
    return Candidate(network, x, kinks, float(relative) if np.isfinite(relative) else np.inf)


def _released(network: Network, x: Vector, kinks: Kinks) -> Kinks | None:
    """Without the kinks whose multipliers are outside; None where there are none."""
    B = state(network, network.forward(x), kinks).B
    parts = list(zip(kinks.held, kinks.M, B, kinks.on, strict=True))
    under = [q & (m < np.minimum(b, 0)) for q, m, b, _ in parts]
    over = [q & (m > np.maximum(b, 0)) for q, m, b, _ in parts]
    if not any(u.any() or o.any() for u, o in zip(under, over, strict=True)):
        return None
    on = [np.where(u, b < 0, np.where(o, b > 0, old)) for u, o, (_, _, b, old) in zip(under, over, parts, strict=True)]
    held = [q & ~u & ~o for q, u, o in zip(kinks.held, under, over, strict=True)]
    return Kinks(held, [np.where(q, m, 0) for q, m in zip(held, kinks.M, strict=True)], on)
