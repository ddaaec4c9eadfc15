"""Is a point a local minimum? First order, the manifold of its kinks, and all ways off it, in this order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nccli.catalogue.verdicts import Verdict
from nccli.dufm.refined.problem import RefinedProblem
from nccli.dufm.second_order.curvature import HeldNetwork
from nccli.dufm.second_order.lifting import lifted
from nccli.dufm.second_order.lost_classes import lost_class_gain
from nccli.dufm.second_order.multipliers import Multipliers, multipliers
from nccli.dufm.second_order.new_units import new_units
from nccli.dufm.second_order.point import ActivePoint, Matrix, active_point
from nccli.dufm.second_order.spare import spare_curvatures
from nccli.dufm.second_order.spectrum import DENSE, LARGEST, SMALLEST, complement, orthonormal, spectrum
from nccli.dufm.second_order.symmetry import symmetry_directions
from nccli.dufm.second_order.ways import Way, lower_point, ways
from nccli.dufm.second_order.weak_kinks import weak_kinks
from nccli.training.memory import require_memory

STATIONARY = 1e-8
"""A taste: residual up to which a point is stationary. Constructions have 1e-14, certified points at most 1e-10, ends
of descent 1e-4 or so."""

_ZERO = 1e-6
"""A taste: curvatures below this share of the least λ are none. Known points have 0.3 λ and more, or rounding."""

_ROUNDING = 1e-12
"""A bound: of a curvature, relative to the largest."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """What was found at a point. Curvatures are those of the n-sample problem in all its weights and features.

    Attributes:
        verdict: the word; None where it stays open.
        loss: of the point.
        residual: norm of the least element found of the chain-rule subdifferential, over ‖(λθ)‖.
        kinks: class-wise pre-activations that are zero.
        weak_kinks: those of them that can be left on one side or both without cost to first order.
        least_slope: least one-sided derivative by a kink's pre-activation that is not weak; None without such a kink.
        smallest, largest: eigenvalues of the Hessian on the manifold, what symmetry makes zero set apart.
        norm: its Frobenius norm there.
        negative: negative eigenvalues there.
        flat: zero eigenvalues there, those by symmetry included.
        symmetries: directions that are flat by symmetry.
        off_kinks: least curvature of leaving weak kinks where it is negative; 0 where none is.
        gain: the largest of a new unit (`nccli.dufm.second_order.new_units`); None where there is no zero unit.
        flat_exits: whether directions off the manifold, or new units that are no copies, are flat to second order.
        proved: whether all ways off the manifold were looked at; otherwise a search took the place of the rest.
        dense: whether all eigenvalues were worked out.
        ways: where the loss should fall, the steepest first.
    """

    verdict: Verdict | None
    loss: float
    residual: float
    kinks: int
    weak_kinks: int | None = None
    least_slope: float | None = None
    smallest: tuple[float, ...] = ()
    largest: tuple[float, ...] = ()
    norm: float | None = None
    negative: int | None = None
    flat: int | None = None
    symmetries: int | None = None
    off_kinks: float | None = None
    gain: float | None = None
    flat_exits: bool | None = None
    proved: bool | None = None
    dense: bool | None = None
    ways: Sequence[Way] = field(default=(), repr=False)


def judge(problem: RefinedProblem, means: Matrix, weights: Sequence[Matrix], dense: bool | None = None) -> Judgement:
    """Judge a point.

    Args:
        problem: sizes, regularisation, activation.
        means: M_1, d × K; every sample of a class has its mean.
        weights: W_1..W_L, each (out, in).
        dense: whether all eigenvalues are worked out; None: up to `DENSE` unknowns.

    Raises:
        InputError: it would not fit into memory.
    """
    point = active_point(problem, means, weights)
    require_room(point)
    found = multipliers(point)
    told: dict[str, Any] = {"loss": point.loss(), "residual": found.residual, "kinks": found.count}
    if not found.residual < STATIONARY:
        return Judgement(verdict=Verdict.NOT_STATIONARY, **told, ways=ways(found))
    network = found.network
    dense = point.size <= DENSE if dense is None else dense
    signs = [np.where(q, 0.0, np.sign(z)) for q, z in zip(found.held, point.forward()[1], strict=False)]
    signs = [s if has else np.ones_like(s) for s, has in zip(signs, problem.has_relu, strict=True)]
    zero = _zero(network)
    symmetries = symmetry_directions(point, signs)
    J = network.rows(found.held)
    J = J / np.linalg.norm(J, axis=1, keepdims=True).clip(1e-300)
    without = orthonormal(np.vstack([J, symmetries]))
    along = spectrum(network, without, zero, dense)
    other = lifted(found, along.low)
    if other is not None and other.residual < STATIONARY:
        again = spectrum(other.network, without, zero, dense)
        if len(again.low) < len(along.low):
            found, network, along = other, other.network, again
    spare = spare_curvatures(network, found.held)
    values = np.sort(np.concatenate([along.values, spare.values]))
    beyond = values[values < -zero].tolist() + [0.0] * int((np.abs(values) <= zero).sum() - spare.symmetries)
    beyond += values[values > zero].tolist()
    flat = int((np.abs(values) <= zero).sum()) + len(symmetries)
    weak, units = weak_kinks(found, zero), new_units(network)
    lost = lost_class_gain(point) if point.lost.any() and len(point.y) else None
    exits = weak.exits is not None or any(len(unit.rays) for unit in units)
    down = ways(found, along, spare, weak, units, lost, zero)
    total = len(symmetries) + spare.symmetries
    return Judgement(
        verdict=_verdict(point, down, flat > total, exits),
        **told,
        weak_kinks=weak.count,
        least_slope=_least_slope(found),
        smallest=tuple(beyond[:SMALLEST]),
        largest=tuple(values[::-1][:LARGEST].tolist()),
        norm=float(np.hypot(np.hypot(along.norm, np.linalg.norm(spare.values)), _within_classes(network, found))),
        negative=int((values < -zero).sum()),
        flat=flat,
        symmetries=total,
        off_kinks=weak.least,
        gain=max((unit.gain for unit in units), default=None),
        flat_exits=exits,
        proved=weak.proved and all(unit.proved for unit in units) and lost is None,
        dense=dense,
        ways=down,
    )


def _within_classes(network: HeldNetwork, found: Multipliers) -> float:
    """Frobenius norm of the curvatures of within-class directions: those of H_1 alone, n − 1 times."""
    point, n = network.point, network.point.problem.n
    if n == 1 or not point.y.size:
        return 0.0
    size = point.y.size
    basis = complement(orthonormal(network.rows(found.held)[:, :size]))
    inner = basis.T @ network.times(np.eye(size, point.size))[:, :size] @ basis
    spare = point.wd[0] ** 2 * point.spare * point.problem.K
    return float(np.sqrt((n - 1) * (np.linalg.norm(inner) ** 2 + spare)))


def _verdict(point: ActivePoint, down: Sequence[Way], wide: bool, exits: bool) -> Verdict | None:
    """Where a way should lead down it is walked: a saddle has a lower point beside it, by its exact loss."""
    if any(way.sure for way in down):
        return Verdict.SADDLE if lower_point(point, down) is not None else None
    if exits and lower_point(point, down) is not None:
        return Verdict.SADDLE
    return Verdict.DEGENERATE if wide else Verdict.MINIMUM


def _zero(network: HeldNetwork) -> float:
    """The size of a curvature that is none."""
    x = np.random.Generator(np.random.Philox(4)).standard_normal((1, network.point.size))
    top = 0.0
    for _ in range(10 if x.size else 0):
        y = network.times(x)
        top = float(np.linalg.norm(y))
        x = y / max(top, 1e-300)
    return max(_ZERO * min(network.point.wd), _ROUNDING * top)


def _least_slope(found: Multipliers) -> float | None:
    """Least of B − Δ (up) and Δ (down) over kinks that are not weak."""
    M, B = found.values
    least = np.minimum(M, B - M)
    strict = np.minimum(np.abs(M), np.abs(B - M)) > found.none
    return float(least[strict].min()) if strict.any() else None


def require_room(point: ActivePoint) -> None:
    """Refuse what would not fit: rows of all kinks, a basis of them, and a matrix of all unknowns."""
    hidden = sum(W.shape[0] for W in point.weights[:-1]) * point.problem.K
    rows = min(hidden, point.size)
    need = 8.0 * (4 * rows * point.size + (4 * point.size**2 if point.size <= DENSE else 0))
    sizes = f"the Hessian of K {point.problem.K}, L {point.L} and {point.size} unknowns"
    require_memory(sizes, need, "a point with fewer classes or units")
