"""Stationary points of the non-smooth loss: finding one with given kinks, and certifying it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nccli.dufm.collapsed import CollapsedProblem, SmoothedPath, gated, jacobian, output, shaped, smoothed_relu

_STEPS = 8
"""A taste: Newton's method doubles its digits at every step."""

_DAMPING = 1e-13
"""A bound: rounding of JᵀJ, which is singular along the rotations of hidden units."""

_ROUNDING = 1e-12
"""A bound: some thousand roundings of a pre-activation of size one."""


def kink_slopes(parameters: Sequence[Tensor], epsilon: float, settled: float) -> list[Tensor]:
    """σ_ε' at every pre-activation; 0 or 1 where it is that to `settled`."""
    pre = output(parameters, lambda z: smoothed_relu(z, epsilon))[1]
    slopes = [0.5 * (1 + z / (z**2 + epsilon**2).sqrt()) for z in pre]
    return [torch.where((s > settled) & (s < 1 - settled), s, (s > 0.5).to(s)) for s in slopes]


def polish(path: SmoothedPath, x: Tensor, slopes: list[Tensor]) -> tuple[Tensor, list[Tensor]] | None:
    """Newton's method, from the end of the path, on what defines a stationary point with these kinks.

    Unknowns are x and the slopes s of the kinks; equations are ∇_x = 0, by backpropagation with s, and z = 0 at the
    kinks. None if that leads to slopes outside [0, 1] or to another sign elsewhere: the kinks are others.
    """
    at = torch.cat([s.flatten() for s in slopes])
    kinks = ((at > 0) & (at < 1)).nonzero()[:, 0]
    shapes = [s.shape for s in slopes]

    def gates(s: Tensor) -> list[Tensor]:
        return shaped(at.index_put((kinks,), s), shapes)

    def equations(y: Tensor) -> Tensor:
        x, s = y[: len(x_0)], y[len(x_0) :]
        pre = torch.cat([z.flatten() for z in gated(path.unpack(x), gates(s))[1]])
        return torch.cat([path.gated_gradient(x, gates(s)), pre[kinks]])

    x_0, y = x, torch.cat([x, at[kinks]])
    value = equations(y)
    for _ in range(_STEPS):
        J = jacobian(equations, y)
        damped = J.T @ J + _DAMPING * torch.eye(len(y), dtype=y.dtype)
        following = y - torch.cholesky_solve(J.T @ value[:, None], torch.linalg.cholesky(damped))[:, 0]
        new_value = equations(following)
        if not new_value.norm() < value.norm():
            break
        y, value = following, new_value
    x, s = y[: len(x)], y[len(x) :]
    pre = torch.cat([z.flatten() for z in gated(path.unpack(x), gates(s))[1]])
    sound = torch.where(at > 0.5, pre > 0, pre < _ROUNDING) | ((at > 0) & (at < 1))
    if sound.all() and (s >= 0).all() and (s <= 1).all():
        return x, gates(s)
    return None


def certify(
    problem: CollapsedProblem, parameters: Sequence[Tensor], slopes: Sequence[Tensor]
) -> tuple[float, int, float]:
    """Norm of backpropagation through ReLU with these slopes, number of kinks, and how far from zero they are.

    A kink is a pre-activation with a slope strictly between 0 and 1, one on the wrong side of zero for its slope, or
    one that is zero to rounding. The share of ∂M_1 is that of the n samples behind it.
    """
    inner = [p.detach().clone().requires_grad_() for p in parameters]
    following = iter(slopes)

    def sigma(z: Tensor) -> Tensor:
        return torch.relu(z.detach()) + next(following) * (z - z.detach())

    with torch.enable_grad():
        gradients = torch.autograd.grad(problem.loss(inner, sigma), inner)
    shares = (1 / problem.n, *(1.0 for _ in gradients[1:]))
    square = sum(float(share * g.square().sum()) for share, g in zip(shares, gradients, strict=True))
    pre = output(parameters, torch.relu)[1]
    is_kink = [(s != (z > 0).to(z)) | (z.abs() < _ROUNDING) for z, s in zip(pre, slopes, strict=True)]
    off = torch.cat([z[kink].abs() for z, kink in zip(pre, is_kink, strict=True)])
    return square**0.5, len(off), float(off.max()) if len(off) else 0.0
