"""Eigenvalues of the Hessian on a subspace: dense, which is the oracle, or by Lanczos.

Lanczos finds one vector of a multiple eigenvalue at a time, and our points have many; so what was found to be zero or
negative is projected out and looked for again, until the smallest that is left is positive.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg as sl
import scipy.sparse.linalg as ssl
from jaxtyping import Float

from nccli.dufm.second_order.curvature import HeldNetwork
from nccli.dufm.second_order.point import Matrix, Vector

DENSE = 2500
"""A taste: unknowns up to which all eigenvalues are worked out; that takes some ten seconds there."""

SMALLEST, LARGEST = 8, 5
"""Tastes: eigenvalues that Lanczos is asked for at either end."""

_TOLERANCE = 1e-9
"""A bound: of what is left of Hv − λv, relative to the largest eigenvalue; the error of λ is less."""

_RANK = 1e-9
"""A bound: of what spans a subspace, relative singular values that are rounding."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues on a subspace.

    Attributes:
        values: in increasing order; by Lanczos those of the two ends.
        low: vectors of the eigenvalues that are not positive, a row each.
        norm: √(Σ of the squares of all).
        dimension: of the subspace.
    """

    values: Vector
    low: Float[np.ndarray, "low size"]
    norm: float
    dimension: int


def orthonormal(rows: Float[np.ndarray, "rows size"]) -> Float[np.ndarray, "size rank"]:
    """Orthonormal basis of what rows span."""
    if not len(rows):
        return np.zeros((rows.shape[1], 0))
    Q, R, _ = sl.qr(rows.T, mode="economic", pivoting=True, check_finite=False)
    d = np.abs(np.diag(R))
    return np.asarray(Q[:, : int((d > _RANK * d[0]).sum()) if d[0] > 0 else 0])


def spectrum(network: HeldNetwork, without: Float[np.ndarray, "size rank"], zero: float, dense: bool) -> Spectrum:
    """Eigenvalues of the Hessian on the orthogonal complement of some directions.

    Args:
        network: the point, slopes held.
        without: orthonormal columns.
        zero: eigenvalues of at most that size are zero.
        dense: whether all are worked out.
    """
    size, dimension = without.shape[0], without.shape[0] - without.shape[1]
    if not dimension:
        return Spectrum(np.zeros(0), np.zeros((0, size)), 0.0, 0)
    if dense or dimension <= 2 * (SMALLEST + LARGEST):
        return _dense(network, without, zero)
    return _lanczos(network, without, zero)


def complement(columns: Float[np.ndarray, "size rank"]) -> Float[np.ndarray, "size rest"]:
    """Orthonormal basis of what is orthogonal to orthonormal columns."""
    Q, _ = sl.qr(columns, check_finite=False) if columns.shape[1] else (np.eye(columns.shape[0]), None)
    return np.asarray(Q[:, columns.shape[1] :])


def _dense(network: HeldNetwork, without: Matrix, zero: float) -> Spectrum:
    basis = complement(without)
    inner = network.times(np.ascontiguousarray(basis.T)) @ basis
    w, Q = np.linalg.eigh((inner + inner.T) / 2)
    low = w <= zero
    return Spectrum(w, (basis @ Q[:, low]).T, float(np.linalg.norm(w)), len(w))


def _lanczos(network: HeldNetwork, without: Matrix, zero: float) -> Spectrum:
    size, dimension = without.shape[0], without.shape[0] - without.shape[1]
    start = np.asarray(np.random.Generator(np.random.Philox(0)).standard_normal(size))

    def operator(out: Matrix, lift: float, sign: float) -> ssl.LinearOperator:
        """lift + sign · Hessian where it counts, 0 elsewhere."""

        def times(x: Vector) -> Vector:
            x = x.ravel()
            x = x - out @ (out.T @ x)
            y = network.times(x[None])[0]
            return np.asarray(lift * x + sign * (y - out @ (out.T @ y)))

        return ssl.LinearOperator((size, size), matvec=times, dtype=np.float64)

    first = _tops(operator(without, 0.0, 1.0), 1, start)[0]
    lift = 2 * abs(float(first[-1])) + max(network.point.wd)
    top = _tops(operator(without, lift, 1.0), min(LARGEST, dimension - 1), start)[0] - lift
    values, low, out = list[float](), np.zeros((0, size)), without
    while out.shape[1] < size:
        w, Q = _tops(operator(out, lift, -1.0), min(SMALLEST, size - out.shape[1]), start)
        w, Q = (lift - w)[::-1], Q[:, ::-1]
        found = w <= zero
        values += w[found].tolist()
        low = np.vstack([low, Q[:, found].T])
        if not found.any():
            values += w.tolist()
            break
        out = orthonormal(np.vstack([out.T, Q[:, found].T]))
    inside = sorted(values + [v for v in top if v > max(values, default=-np.inf)])
    return Spectrum(np.array(inside), low, _norm(network, without), dimension)


def _tops(operator: ssl.LinearOperator, count: int, start: Vector) -> tuple[Vector, Matrix]:
    """The largest eigenvalues, in increasing order; none of them is near zero, so that their error is relative."""
    size = operator.shape[0]
    w, Q = ssl.eigsh(
        operator, count, which="LA", v0=start, ncv=min(size, max(20 * count, 60)), tol=_TOLERANCE, maxiter=50 * size
    )
    order = np.argsort(w)
    return w[order], Q[:, order]


def _norm(network: HeldNetwork, without: Matrix) -> float:
    """Frobenius norm on the subspace, by products with an orthonormal basis of the whole, some rows at a time."""
    size, total = without.shape[0], 0.0

    def project(rows: Matrix) -> Matrix:
        return np.asarray(rows - (rows @ without) @ without.T)

    for at in range(0, size, 512):
        rows = np.eye(min(512, size - at), size, at)
        total += float((project(network.times(project(rows))) ** 2).sum())
    return float(np.sqrt(total))
