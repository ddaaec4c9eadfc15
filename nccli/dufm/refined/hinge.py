"""Quadratic models in which every pre-activation near zero keeps its hinge, and the steps that they lead to.

With forces M at kinks and slopes elsewhere the model of a step p is gᵀp + ½ pᵀ(Hess + γ)p + Σ_c B_c relu(z_c + J_c p);
its dual is a quadratic over the box 0 ≤ M ≤ B, so that one step may exchange any number of kinks.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg as sl
from jaxtyping import Bool

from nccli.dufm.refined.box import box_minimum
from nccli.dufm.refined.hessian import hessian, jacobian
from nccli.dufm.refined.kinks import END, Kinks, flat, spread
from nccli.dufm.refined.network import Masks, Matrix, Network, State, Vector
from nccli.dufm.refined.retraction import Retraction

_NEAR = 1e-2
"""A taste, in root mean square positive pre-activations: what a step may take across zero."""

_EXACT = 1e-4
"""A taste, in the same unit: kinks as close to zero as that are held with all stiffness."""

_STIFF = 100.0
"""Measured: what is added along held kinks, so that the model is convex across them. With 1 negative curvatures of 1e-5
are left, and they bound the length of steps along valleys whose slope is 1e-7; the largest curvatures are 160."""

_LEAST_RATIO = 1e-2
"""A taste: least decrease over the promised one."""

_ROUNDING = 1e-12, 1e-14
"""Bounds: of a promise that the loss can hardly tell from none, and of the loss itself."""

_CORRECTIONS = 4
"""A taste: each takes two digits off what the kinks' curvature has left."""


@dataclass(frozen=True, eq=False)
class HingeModel:
    """The model at a point.

    Attributes:
        near: the pre-activations that keep their hinges.
        matrix: curvature without damping.
        J: rows of `near`.
        z, top, force: their values, B and Δ.
        base: gradient of all the rest.
    """

    near: Masks
    matrix: Matrix
    J: Matrix
    z: Vector
    top: Vector
    force: Vector
    base: Vector


@dataclass(frozen=True, eq=False)
class Step:
    """What a model leads to.

    Attributes:
        p: the step.
        loss: after it.
        promised: change of the loss by the model.
        ratio: change over promise; −1 where nothing was promised.
        M: multipliers of the near ones.
        active: which of them are inside their boxes, that is at zero.
        better: whether the loss agrees.
    """

    p: Vector
    loss: float
    promised: float
    ratio: float
    M: Vector
    active: Bool[np.ndarray, " near"]
    better: bool


def hinge_model(network: Network, x: Vector, s: State, kinks: Kinks) -> tuple[HingeModel, Retraction]:
    """The model at x, passed back to `s` with these kinks, and the steps from there."""
    point, unit = s.point, s.point.scale
    near = [
        (q | (np.abs(z) < _NEAR * unit)) & (b > 0) & has
        for q, z, b, has in zip(kinks.held, point.hidden, s.B, network.problem.has_relu, strict=True)
    ]
    curvature = hessian(network, s)
    J = jacobian(network, s, curvature, near)
    force, top, z = flat(near, s.D[:-1]), flat(near, s.B), flat(near, point.hidden)
    held = flat(near, [1.0 * q for q in kinks.held]) > 0
    exactly = held & (force > END * top) & (force < (1 - END) * top) & (np.abs(z) < _EXACT * unit)
    loosely = held & ~exactly
    matrix = curvature.matrix + _STIFF * J[exactly].T @ J[exactly] + J[loosely].T @ J[loosely]
    turns = _turns(point.A)
    matrix[: len(turns), : len(turns)] += turns @ turns.T
    base = s.gradient - J.T @ force + _STIFF * (z[exactly] @ J[exactly])
    return HingeModel(near, matrix, J, z, top, force, base), Retraction(network, x, point, curvature.grams)


def hinge_step(network: Network, go: Retraction, loss: float, model: HingeModel, damping: float) -> Step | None:
    """The step at that damping; None where the damped model is not convex."""
    A = model.matrix.copy()
    A[np.diag_indices(network.size)] += damping
    try:
        factor = sl.cholesky(A, lower=True, overwrite_a=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    Y = sl.solve_triangular(factor, np.column_stack([model.J.T, model.base]), lower=True, check_finite=False)
    Y, y = Y[:, :-1], Y[:, -1]
    S = Y.T @ Y
    M = box_minimum(S, model.z - Y.T @ y, model.top, model.force)
    active = (M > END * model.top) & (M < (1 - END) * model.top)

    def back(v: Vector) -> Vector:
        return np.asarray(sl.solve_triangular(factor, v, lower=True, trans=1, check_finite=False))

    p = -back(y + Y @ M)
    hinge = model.top @ ((model.z + model.J @ p).clip(0) - model.z.clip(0))
    promised = float(model.base @ p + 0.5 * p @ (model.matrix @ p) + hinge)
    new, at = network.loss(go(p)), np.flatnonzero(active)
    if len(at):  # back to zero where the kinks' curvature has left it
        T = S[np.ix_(at, at)]
        T[np.diag_indices(len(at))] += 1e-8 * np.trace(T) / len(at)
        cho, masks = sl.cho_factor(T, check_finite=False), [a > 0 for a in spread(model.near, 1.0 * active)]
        for _ in range(_CORRECTIONS):
            off = flat(masks, network.forward(go(p)).hidden)
            q = p - back(Y[:, at] @ sl.cho_solve(cho, off, check_finite=False))
            again = network.loss(go(q))
            if not again < new + 1e-15:
                break
            p, new = q, again
    ratio = (new - loss) / promised if promised < 0 else -1.0
    unfelt = abs(promised) < _ROUNDING[0] and new <= loss + _ROUNDING[1]
    better = bool(loss - new > _LEAST_RATIO * max(-promised, 0.0) or unfelt)
    return Step(p, new, promised, ratio, M, active, better)


def _turns(A: Matrix) -> Matrix:
    """Directions that turn the features of layer 1, of norm one (columns); nothing depends on them."""
    found = []
    for i in range(len(A)):
        for j in range(i):
            turn = np.zeros_like(A)
            turn[i], turn[j] = A[j], -A[i]
            found.append(turn.ravel() / max(np.linalg.norm(turn), 1e-300))
    return np.asarray(np.array(found).reshape(-1, A.size).T)
