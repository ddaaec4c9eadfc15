"""Newton's method on the conditions of stationarity with given kinks, whatever the index of the point."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg as sl
from jaxtyping import Int

from nccli.dufm.refined.box import box_minimum
from nccli.dufm.refined.hessian import hessian, jacobian
from nccli.dufm.refined.kinks import Kinks, flat, spread, state
from nccli.dufm.refined.network import Matrix, Network, State, Vector
from nccli.dufm.refined.retraction import Retraction

_TOLERANCE = 2e-14
"""A bound: rounding of the gradient of a loss of size 0.1."""

_RANK = 1e-6
"""A taste: kinks whose rows add less than this share to those of others are felt through the others."""

_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-6, 1e-10, 1e-2
_TRIALS = (1, 1 / 30, 1e-3, 10, 1e2, 1e3, 1e5)
"""Tastes: damping to begin with and its range; factors of it that are tried with one factorisation, which costs more
than all the trials. Valleys have curvatures from 1e-7 on."""

_BACK = 1e-3
"""A taste: damping of the steps that lead back to the kinks; they are not to go along valleys."""

_HALVED, _ANY = 0.5, 1 - 1e-3
"""Tastes: a residual that ends the trials, and the least that counts as progress."""


def residual(s: State, kinks: Kinks) -> float:
    """Norm of (gradient with forces, z at kinks)."""
    return float(np.hypot(np.linalg.norm(s.gradient), np.linalg.norm(flat(kinks.held, s.point.hidden))))


def polish(
    network: Network, x: Vector, kinks: Kinks, steps: int, tick: Callable[[], None]
) -> tuple[Vector, Kinks, float, int]:
    """Solve gradient(x, M) = 0, z_kinks(x) = 0: Newton steps on the kinks' range, damped ones in their null space.

    Flat directions (sets of units that can be exchanged for others) move nothing: eigenvalue w enters as w/(w² + γ²).
    Only steps that lower the residual are taken.

    Args:
        network: the problem.
        x: from here.
        kinks: held throughout; their multipliers change.
        steps: at most.
        tick: called before each.

    Returns:
        Point, kinks, residual, Hessians.
    """
    damping, s = _FIRST_DAMPING, state(network, network.forward(x), kinks)
    r = residual(s, kinks)
    for count in range(steps):
        if r < _TOLERANCE:
            return x, kinks, r, count
        tick()
        newton = _Newton.at(network, x, s, kinks)
        best: _Trial | None = None
        for factor in _TRIALS:
            trial = newton.attempt(damping * factor)
            if best is None or trial.residual < best.residual:
                best = trial
            if trial.residual < _HALVED * r:
                break
        if best is None or not best.residual < r * _ANY:
            return x, kinks, r, count + 1
        damping = min(max(best.damping / (10 if best.residual < _HALVED * r else 1), _LEAST_DAMPING), _MOST_DAMPING)
        x, kinks, s, r = newton.go(best.p), best.kinks, best.s, best.residual
    return x, kinks, r, steps


@dataclass(frozen=True, eq=False)
class _Trial:
    damping: float
    p: Vector
    kinks: Kinks
    s: State
    residual: float


@dataclass(frozen=True, eq=False)
class _Newton:
    """The factors of one point, for as many solutions as wanted.

    Attributes:
        go: steps from the point.
        H: Hessian.
        span, inverse, order: orthonormal basis of the kinks' rows, and what leads from it to kinks in that order.
        w, modes: eigenvalues and directions in the null space of the kinks' rows.
    """

    network: Network
    s: State
    kinks: Kinks
    go: Retraction
    H: Matrix
    span: Matrix
    inverse: Matrix
    order: Int[np.ndarray, " kinks"]
    w: Vector
    modes: Matrix

    @classmethod
    def at(cls, network: Network, x: Vector, s: State, kinks: Kinks) -> "_Newton":
        curvature = hessian(network, s)
        J = jacobian(network, s, curvature, kinks.held)
        basis, R, order = sl.qr(J.T, pivoting=True, check_finite=False)
        d = np.abs(np.diag(R))
        rank = int((d > _RANK * d[0]).sum()) if len(d) else 0
        inverse = np.linalg.pinv(R[:rank]) if rank else np.zeros((len(J), 0))
        null = basis[:, rank:]
        w, modes = np.linalg.eigh(null.T @ curvature.matrix @ null)
        go = Retraction(network, x, s.point, curvature.grams)
        return cls(network, s, kinks, go, curvature.matrix, basis[:, :rank], inverse, order, w, null @ modes)

    def solve(self, s: State, damping: float) -> tuple[Vector, Vector]:
        """Change of the point and of the multipliers for the residuals of s, with these factors."""
        p = self.span @ (self.inverse.T @ -flat(self.kinks.held, s.point.hidden)[self.order])
        along = self.modes.T @ (s.gradient + self.H @ p)
        p = p - self.modes @ (along * self.w / (self.w**2 + damping**2))
        change = np.zeros(len(self.order))
        change[self.order] = self.inverse @ -(self.span.T @ (s.gradient + self.H @ p))
        return p, change

    def attempt(self, damping: float) -> _Trial:
        """A Newton step, and more with the same factors as long as they lead back to the kinks."""
        found = self._moved(damping, np.zeros(len(self.H)), self.kinks, self.s, damping)
        for _ in range(4):
            again = self._moved(damping, found.p, found.kinks, found.s, max(damping, _BACK))
            if not again.residual < 0.9 * found.residual:
                break
            found = again
        return found

    def _moved(self, named: float, p: Vector, kinks: Kinks, s: State, damping: float) -> _Trial:
        q, change = self.solve(s, damping)
        kinks = replace(kinks, M=[a + b for a, b in zip(kinks.M, spread(kinks.held, change), strict=True)])
        s = state(self.network, self.network.forward(self.go(p + q)), kinks)
        r = residual(s, kinks)
        return _Trial(named, p + q, kinks, s, r if np.isfinite(r) else np.inf)


def into_box(network: Network, x: Vector, kinks: Kinks) -> Kinks:
    """Of the multipliers that leave the gradient as it is (J need not have full rank) those nearest to [0, B]."""
    point = network.forward(x)
    for _ in range(3):
        s = state(network, point, kinks)
        force, top = flat(kinks.held, s.D[:-1]), flat(kinks.held, s.B)
        low, high = np.minimum(top, 0), np.maximum(top, 0)
        if np.all((force >= low) & (force <= high)):
            break
        J = jacobian(network, s, hessian(network, s), kinks.held)
        S, c = J @ J.T, J @ (J.T @ force - s.gradient)
        M = low + box_minimum(S, c - S @ low, high - low, force - low)
        kinks = replace(kinks, M=spread(kinks.held, M))
    return kinks
