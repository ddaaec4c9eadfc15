"""The free weights of a hypergraph solution: a smooth problem of a few numbers.

T = diag(t) B diag(c), B the 0/1 incidence matrix; the last layer has a row √q_u u B diag(c) for every u of a
dictionary of vertex combinations. With P of theory sheet section 2 (α_L is in q) the loss is

    F(Sᵀ diag(q) S) + L (P/4)^{1/L},   S = σ(UB) diag(c),

where F is what the best W_L leaves, λ_{W_L}/2 tr (G + K λ_{W_L} I)^{-1} under the squared error,

    P = const · ‖T‖_*² · Σ_u q_u ‖u diag(t)^{-1}‖²,

smooth in log t, log c and q >= 0, since the zeros of uB stay zeros, and for fixed t, c, P convex in q. Where B has not
full row rank the u of least ‖u diag(t)^{-1}‖ with that uB is meant.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Bool, Float

from nccli.objective import Objective, objective_named
from nccli.theory.graph_solution import incidence_matrix
from nccli.theory.problem import Problem
from nccli.theory.template import Matrix, Template

_ALL, _BIPARTITIONS = 6, 10
"""Tastes: most vertices where the dictionary is all of {−1, 0, 1}^r, 728 rows, and where it has all of {−1, 1}^r."""

_STEPS = 2000
_GRADIENT = 1e-11
"""Tastes: most steps, and the gradient at which they end; the loss is then sure to some 1e-13."""

_SLOW_STEPS = 400
"""A taste: most steps where each solves for the logits; the loss is then sure to some 1e-7 of it."""

_MOST_LOG = 5.0
"""A taste: vertex and class weights differ at most by a factor e^10."""

_SCALES = np.geomspace(1e-3, 1e4, 29)
"""A taste: Σ_u q_u where the descent may begin, the best of these."""

_DROPPED = 1e-7
"""A taste: of the largest q, below which a row is left out."""

Vector = Float[np.ndarray, " _"]


def weighted_template(problem: Problem, subsets: Sequence[Sequence[int]]) -> Template:
    """The template of a connected hypergraph with the best weights for a problem (of K classes, perhaps more than its).

    Args:
        problem: sizes and regularisation; L >= 3.
        subsets: a class each, of vertices 0..r−1.
    """
    weights = _Weights.of(problem, subsets)
    B, (r, k) = weights.B, weights.B.shape
    q, t, c = weights.split(weights.best())
    kept = q > _DROPPED * q.max()
    T = t[:, None] * B * c
    name = f"hypergraph({r} vertices, {k} classes)"
    return Template.from_matrices(name, T, np.sqrt(q[kept])[:, None] * (weights.U[kept] @ B) * c)


def weighted_loss(problem: Problem, subsets: Sequence[Sequence[int]], steps: int) -> float:
    """The loss of the best weights after so many steps of their descent, as `weighted_template` takes it."""
    weights = _Weights.of(problem, subsets)
    return weights.value(weights.best(steps))[0]


def dictionary(B: Matrix) -> Matrix:
    """Vertex combinations u, a row each, that differ in uB and of which some uB is positive.

    Up to 6 vertices all of {−1, 0, 1}^r. Beyond: vertices and their differences, and of {−1, 1}^r all up to 10
    vertices, later only the sum, and for every class −1 on it and +1 off it (Definition 9) and the other way round.
    """
    r = len(B)
    if r <= _ALL:
        found = np.array(list(product((-1.0, 0.0, 1.0), repeat=r)))
    else:
        eye, off = np.eye(r), 1.0 - 2.0 * B.T
        signs = np.array(list(product((-1.0, 1.0), repeat=r))) if r <= _BIPARTITIONS else np.ones((1, r))
        found = np.vstack([eye, (eye[:, None] - eye[None]).reshape(-1, r), signs, off, -off])
    seen = found @ B
    seen, found = seen[(seen > 0).any(axis=1)], found[(seen > 0).any(axis=1)]
    _, first = np.unique((seen / np.abs(seen).max(axis=1, keepdims=True)).round(12), axis=0, return_index=True)
    return np.asarray(found[np.sort(first)])


@dataclass(frozen=True, eq=False)
class _Weights:
    """The loss as a function of (q, log t, log c).

    Attributes:
        U: dictionary, rows × vertices.
        B: incidence matrix.
        left: basis of the left null space of B.
        L: weight matrices.
        K: classes of the whole problem.
        decay: λ_{W_L}.
        log_const: log of what P has beside ‖T‖_*² and the cost of rows.
        objective: of the problem.
    """

    U: Matrix
    B: Matrix
    left: Matrix
    L: int
    K: int
    decay: float
    log_const: float
    objective: Objective

    @classmethod
    def of(cls, problem: Problem, subsets: Sequence[Sequence[int]]) -> "_Weights":
        B = incidence_matrix(subsets, 1 + max(max(each) for each in subsets))
        u, s, _ = np.linalg.svd(B)
        rank = int((s > 1e-10 * s[0]).sum())
        lam = problem.lambda_w
        log_const = math.log(lam[0]) + math.log(problem.collapsed_lambda_h1) + math.log(lam[-2] / 2)
        log_const += sum(math.log(each * rank / 2) for each in lam[1:-2])
        return cls(
            dictionary(B),
            B,
            u[:, rank:].T,
            problem.L,
            problem.K,
            lam[-1],
            log_const,
            objective_named(problem.objective),
        )

    def split(self, x: Vector) -> tuple[Vector, Vector, Vector]:
        """q, t and c."""
        rows, r = self.U.shape
        return x[:rows], np.exp(x[rows : rows + r]), np.exp(x[rows + r :])

    def best(self, steps: int = _STEPS) -> Vector:
        """Where the loss is least, from equal weights on of all rows, or under cross-entropy of those of one vertex."""
        from scipy.optimize import minimize

        rows, others = len(self.U), sum(self.B.shape)
        first = np.ones(rows, dtype=bool)
        if not self.objective.adds_over_blocks:
            steps = min(steps, _SLOW_STEPS)
            single = (np.abs(self.U).sum(axis=1) == 1) & (self.U.sum(axis=1) == 1)
            first = single if single.any() else first
        begin = np.concatenate([self._scale(first) * first / first.sum(), np.zeros(others)])
        bounds = [(0.0, None)] * rows + [(-_MOST_LOG, _MOST_LOG)] * others
        ends = {"maxiter": steps, "maxfun": 2 * steps, "ftol": 1e-16, "gtol": _GRADIENT}
        found = minimize(self.value, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=ends)
        return np.asarray(found.x if found.x[:rows].any() else begin)  # else zero is the best of all

    def value(self, x: Vector) -> tuple[float, Vector]:
        """Loss and its gradient."""
        q, t, c = self.split(x)
        v, s, w = np.linalg.svd(t[:, None] * self.B * c, full_matrices=False)
        nuclear, by_entry = float(s.sum()), (v @ w) * (t[:, None] * self.B * c)
        squares = self._least(t) ** 2 / t**2
        cost = squares.sum(axis=1)
        linear = float(q @ cost)
        S = np.maximum(self.U @ self.B, 0.0) * c
        gram = (S.T * q) @ S
        fit, slope = self.objective.of_gram(gram, self.K, self.decay)
        if linear <= 0:
            return fit, np.zeros_like(x)
        log_p = self.log_const + 2 * math.log(nuclear) + math.log(linear)
        share = math.exp((log_p - math.log(4)) / self.L)
        by_q = share / linear * cost + ((S @ slope) * S).sum(axis=1)
        by_t = share * (2 * by_entry.sum(axis=1) / nuclear - 2 * (q @ squares) / linear)
        by_c = share * 2 * by_entry.sum(axis=0) / nuclear + 2 * (slope * gram).sum(axis=0)
        return fit + self.L * share, np.concatenate([by_q, by_t, by_c])

    def _scale(self, first: Bool[np.ndarray, " rows"]) -> float:
        """Σ_u q_u where equal weights of these rows are best."""
        rows, t = int(first.sum()), np.ones(self.U.shape[1])
        S = np.maximum(self.U[first] @ self.B, 0.0)
        fit = np.array([self.objective.of_gram(each * S.T @ S / rows, self.K, self.decay)[0] for each in _SCALES])
        nuclear, linear = np.linalg.svd(self.B, compute_uv=False).sum(), (self._least(t)[first] ** 2).sum() / rows
        log_p = self.log_const + 2 * math.log(nuclear) + math.log(linear) + np.log(_SCALES)
        return float(_SCALES[np.argmin(fit + self.L * np.exp((log_p - math.log(4)) / self.L))])

    def _least(self, t: Vector) -> Matrix:
        """Of all combinations with the same uB those of least ‖u diag(t)^{-1}‖."""
        if not len(self.left):
            return self.U
        null = self.left / t
        along = np.linalg.solve(null @ null.T, null @ (self.U / t).T)
        return np.asarray(self.U - along.T @ self.left)
