"""Newton's method along smoothed ReLUs, for kinks whose multipliers are not unique."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg as sl

from nccli.dufm.refined.hessian import hessian
from nccli.dufm.refined.kinks import Kinks
from nccli.dufm.refined.network import Matrix, Network, State, Vector

FROM_AFAR = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
FROM_NEAR = FROM_AFAR[1:]
"""Tastes, in root mean square positive pre-activations; with 0.02 the path leaves the valley that it begins in."""

_STEPS = 40
"""A taste: Newton steps a width; the last ones hardly move."""

_SMALL = 0.1
"""A taste: of ελ, the gradient that ends a width."""

_SETTLED = 1e-3
"""A taste: slopes as close as that to 0 or 1 are no kinks."""

_DAMPING = (1e-12, 1e-6, 1e6)
"""Tastes: the least, the first, and where a step is no longer one."""


@dataclass(frozen=True)
class _SmoothReLU:
    """σ_ε(z) = (z + √(z² + ε²))/2 (Chen and Harker 1993)."""

    epsilon: float

    def __call__(self, z: Matrix) -> Matrix:
        return np.asarray(0.5 * (z + np.sqrt(z * z + self.epsilon**2)))

    def slope(self, z: Matrix) -> Matrix:
        return np.asarray(0.5 * (1 + z / np.sqrt(z * z + self.epsilon**2)))

    def bend(self, z: Matrix) -> Matrix:
        return np.asarray(0.5 * self.epsilon**2 / (z * z + self.epsilon**2) ** 1.5)


def smoothed_path(
    network: Network, x: Vector, widths: Sequence[float], tick: Callable[[], None]
) -> tuple[Vector, Kinks, int]:
    """Minimise with σ_ε in place of ReLU by Levenberg-Marquardt steps, ε falling.

    Args:
        network: the problem.
        x: from here.
        widths: ε, one after the other, in root mean square positive pre-activations.
        tick: called before each Newton step.

    Returns:
        Point; kinks, whose multipliers are what the slopes make of B; Hessians.
    """
    unit, total = network.forward(x).scale, 0
    for width in widths:
        sigma = _SmoothReLU(width * unit)
        s, damping = _state(network, x, sigma), _DAMPING[1]
        for _ in range(_STEPS):
            if np.linalg.norm(s.gradient) < _SMALL * sigma.epsilon * min(network.wd):
                break
            tick()
            total += 1
            taken = _step(network, x, s, sigma, damping)
            if taken is None:
                break
            x, s, damping = taken
    held = [(t > _SETTLED) & (t < 1 - _SETTLED) for t in s.slopes]
    M = [np.where(q, t * b, 0) for q, t, b in zip(held, s.slopes, s.B, strict=True)]
    return x, Kinks(held, M, [t > 0.5 for t in s.slopes]), total


def _state(network: Network, x: Vector, sigma: _SmoothReLU) -> State:
    point = network.forward(x, sigma)
    relus = network.problem.has_relu
    slopes = [sigma.slope(z) if has else np.ones_like(z) for z, has in zip(point.hidden, relus, strict=True)]
    return network.backward(point, slopes)


def _step(
    network: Network, x: Vector, s: State, sigma: _SmoothReLU, damping: float
) -> tuple[Vector, State, float] | None:
    """Point, state and damping after a step; None where there is none."""
    parts = zip(s.point.hidden, s.B, network.problem.has_relu, strict=True)
    curvature = hessian(network, s, [sigma.bend(z) * b * has for z, b, has in parts])
    H = curvature.matrix
    while damping < _DAMPING[2]:
        A = H.copy()
        A[np.diag_indices(network.size)] += damping
        try:
            factor = sl.cho_factor(A, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError:
            damping *= 4
            continue
        p = -sl.cho_solve(factor, s.gradient)
        promised = s.gradient @ p + 0.5 * p @ (H @ p)
        to = x + p
        new = _state(network, to, sigma)
        ratio = (new.loss - s.loss) / promised if promised < 0 else -1
        closer = np.linalg.norm(new.gradient) < np.linalg.norm(s.gradient)
        if ratio > 1e-3 or (abs(promised) < 1e-12 and closer):
            return to, new, max(damping / 10, _DAMPING[0]) if ratio > 0.75 else damping * (3 if ratio < 0.25 else 1)
        damping *= 4
    return None
