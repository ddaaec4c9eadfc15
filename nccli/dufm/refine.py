"""From where gradient descent got to down to a certified stationary point of the non-smooth loss.

Optima of the DUFM have many pre-activations that are exactly zero: a negative one would cost weight norm for nothing.
Gradient descent at a fixed step size crosses these kinks for ever, and quasi-Newton methods stall there. Here the class
means are followed, in float64 and in the collapsed form of the problem (theory sheet, section 1; a stationary point of
it is one of the n-sample problem), along a path of smoothed problems: ReLU is replaced by σ_ε(z) = (z + √(z² + ε²))/2
(Chen and Harker 1993, Kanzow 1996, Smale 1986), a minimiser is found by Newton's method with Levenberg-Marquardt
damping, and ε shrinks by a predictor step along dx/dε.

Units and classes that have died under gradient descent stay dead: the smoothed problems, where nothing is quite off,
would wake them up. From where descent has settled the path leads to the stationary point it settles around; from a run
that still moves, or whose classes have not collapsed (the start is at the class means), it may lead elsewhere. The loss
before is the last one of the history.

In the limit the slopes σ_ε'(z) at kinks converge to some s in [0, 1]: with them backpropagation gives an element of the
chain-rule subdifferential (the conservative field of Bolte and Pauwels 2021) of the loss itself. At the end of the path
Newton's method solves for the point and the slopes together (`nccli.dufm.stationarity`), and the norm of that element
is the certificate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from nccli.dufm.collapsed import CollapsedProblem, SmoothedPath, output
from nccli.dufm.stationarity import certify, kink_slopes, polish

_FIRST_EPSILON = 0.02
"""A taste, in units of the root mean square pre-activation: small enough that units keep their sides of zero."""

_LAST_EPSILON = 1e-6
"""A bound, in the same unit: far below, rounding of z/ε is felt in the slopes."""

_SHRINK = 0.1
_TOLERANCE = 0.2
"""Measured (the tolerance is of the gradient, in units of ελ): 0.3 and 0.02 took twice as many Newton steps to the same
points."""

_MOST_ITERATIONS = 400
"""A taste: a stage that has not come to its end by then is said not to converge."""

_SETTLED = (1e-6, 1e-4, 1e-2, 1e-8)
"""A taste: distances of a slope from 0 or 1 that count as none, tried one after the other until the kinks fit."""

_ZERO = 1e-9
"""A taste: pre-activations below this all over are those of a network that has decayed to zero."""

_PREDICTOR_DAMPING = (1e-8, 1e-6, 1e-4)
"""A taste: the Hessian is singular along the rotations of hidden units, and what remains of λ is some 1e-3."""

_ENOUGH, _GOOD, _POOR = 1e-3, 0.75, 0.25
"""The usual bounds on achieved over promised decrease (Nocedal and Wright 2006, section 4.1): a step is taken, damping
falls, damping rises."""

_LEAST_GRADIENT = 1e-14
"""A bound: rounding of a gradient of parameters of size one."""

_DAMPING_RANGE = (1e-13, 1e6)
"""A bound: rounding of the Hessian, and where a step is no longer one."""


@dataclass(frozen=True, eq=False)
class Refined:
    """A refined point, in the orientation of `nccli.dufm.engine`.

    Attributes:
        features: M_1ᵀ, one class a row.
        weights: V_1, …, V_L.
        residual: norm of the smallest element found of the chain-rule subdifferential of the n-sample loss.
        kinks: pre-activations within `radius` of zero, whose slope was free in [0, 1].
        radius: how far from zero such a pre-activation is at most.
        iterations: Newton steps.
        converged: whether every stage of the path reached its tolerance.
    """

    features: Float[Tensor, "K d"]
    weights: list[Tensor]
    residual: float
    kinks: int
    radius: float
    iterations: int
    converged: bool


def refine(
    problem: CollapsedProblem,
    features: Float[Tensor, "K d"],
    weights: Sequence[Tensor],
    should_stop: Callable[[], bool] = lambda: False,
) -> Refined | None:
    """Follow the smoothed problems from a point to a stationary point of the ReLU problem.

    Args:
        problem: regularisation.
        features: M_1ᵀ in float64.
        weights: V_1, …, V_L in float64.
        should_stop: polled at every Newton step.

    Returns:
        The point, or None if asked to stop.
    """
    classes, units = _alive(problem, [features, *weights])
    problem = replace(problem, classes=tuple(classes))
    kept = [V[rows][:, columns] for V, rows, columns in zip(weights, units, units[1:], strict=False)]
    rotation = torch.linalg.qr(features[classes].T)[0].T
    start = [features[classes] @ rotation.T, rotation @ kept[0], *kept[1:]]
    path = SmoothedPath(problem, start)
    x, scale = path.pack(start), _scale(start)
    iterations, converged = 0, True
    if scale > _ZERO:
        epsilon = _FIRST_EPSILON * scale
        while True:
            target = _TOLERANCE * epsilon * min(problem.wd)
            minimum = _minimise(path, x, epsilon, max(target, _LEAST_GRADIENT), should_stop)
            if minimum is None:
                return None
            x, taken, reached = minimum
            iterations, converged = iterations + taken, converged and reached
            if epsilon * _SHRINK < _LAST_EPSILON * scale:
                break
            x = _predict(path, x, epsilon, epsilon * _SHRINK)
            epsilon *= _SHRINK
        for settled in _SETTLED:
            slopes = kink_slopes(path.unpack(x), epsilon, settled)
            polished = polish(path, x, slopes)
            if polished is not None:
                x, slopes = polished
                break
    else:
        x = torch.zeros_like(x)
        slopes = [torch.zeros_like(z) for z in output(path.unpack(x), torch.relu)[1]]
    inner = path.unpack(x)
    residual, kinks, radius = certify(problem, inner, slopes)
    found = torch.zeros_like(features)
    found[classes] = inner[0] @ rotation
    refined = [torch.zeros_like(V) for V in weights]
    for whole, part, rows, columns in zip(refined, [rotation.T @ inner[1], *inner[2:]], units, units[1:], strict=False):
        whole[rows[:, None], columns] = part
    dead = [V.shape[1] * problem.K - len(on) * len(classes) for V, on in zip(weights[:-1], units[1:], strict=False)]
    return Refined(found, refined, residual, kinks + sum(dead), radius, iterations, converged)


def _alive(problem: CollapsedProblem, parameters: Sequence[Tensor]) -> tuple[list[int], list[Tensor]]:
    """Classes and units that gradient descent can still change other than by decay.

    A unit that is off for all classes, or whose output reaches none, and a class for which a whole layer is off decay
    to a zero that is stationary; the smoothed problems, where nothing is quite off, would wake them up.

    Returns:
        Classes; indices of the inputs of V_1 (all), of the alive units of each hidden layer, and of the outputs (all).
    """
    inner = [p.detach().clone().requires_grad_() for p in parameters]
    with torch.enable_grad():
        out, pre = output(inner, torch.relu)
        total = problem.objective.total(out, torch.eye(problem.K, dtype=out.dtype))
        signal, *by_layer = torch.autograd.grad(total, [inner[0], *pre])
    units = [D.abs().amax(dim=0).nonzero()[:, 0] for D in by_layer]
    ends = [torch.arange(len(parameters[1])), torch.arange(problem.K)]
    return signal.abs().amax(dim=1).nonzero()[:, 0].tolist(), [ends[0], *units, ends[1]]


def _minimise(
    path: SmoothedPath, x: Tensor, epsilon: float, tolerance: float, should_stop: Callable[[], bool]
) -> tuple[Tensor, int, bool] | None:
    """Newton's method on the smoothed loss until its gradient is below the tolerance; None if asked to stop."""
    e = torch.tensor(epsilon, dtype=x.dtype)
    damping = 1e-6
    loss, gradient = path.loss(x, e), path.gradient(x, e)
    for iteration in range(_MOST_ITERATIONS):
        if gradient.norm() <= tolerance:
            return x, iteration, True
        H = path.hessian(x, e)
        while True:
            if should_stop():
                return None
            factor, info = torch.linalg.cholesky_ex(H + damping * torch.eye(len(x), dtype=x.dtype))
            if not info:
                step = -torch.cholesky_solve(gradient[:, None], factor)[:, 0]
                promised = -(gradient @ step + 0.5 * step @ (H @ step))
                new_loss, new_gradient = path.loss(x + step, e), path.gradient(x + step, e)
                ratio = float((loss - new_loss) / promised)
                rounding = promised < 1e-13 * loss and new_gradient.norm() < gradient.norm()
                if ratio > _ENOUGH or rounding:
                    break
            damping = max(8 * damping, 1e-12)
            if damping > _DAMPING_RANGE[1]:
                return x, iteration, False
        x, loss, gradient = x + step, new_loss, new_gradient
        if rounding or ratio > _GOOD:
            damping = max(damping / 10, _DAMPING_RANGE[0])
        elif ratio < _POOR:
            damping *= 4
    return x, _MOST_ITERATIONS, bool(gradient.norm() <= tolerance)


def _predict(path: SmoothedPath, x: Tensor, epsilon: float, after: float) -> Tensor:
    """Go along dx/dε to a smaller ε, as far as damped as it takes to come closer to its stationary point."""
    e, e_after = (torch.tensor(value, dtype=x.dtype) for value in (epsilon, after))
    H = path.hessian(x, e)
    slope = path.gradient_by_epsilon(x, e)
    best = x
    for damping in _PREDICTOR_DAMPING:
        candidate = x + (epsilon - after) * torch.linalg.solve(H + damping * torch.eye(len(x), dtype=x.dtype), slope)
        if path.gradient(candidate, e_after).norm() < path.gradient(best, e_after).norm():
            best = candidate
    return best


def _scale(parameters: Sequence[Tensor]) -> float:
    """Root mean square of the positive pre-activations: the unit in which ε is small or not."""
    positive = torch.cat([z.clamp_min(0).flatten() for z in output(parameters, torch.relu)[1]])
    return float(positive.square().sum().div((positive > 0).sum().clamp_min(1)).sqrt())
