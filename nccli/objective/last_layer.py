"""The best last layer under cross-entropy at given class means: a strictly convex problem, by Newton's method."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nccli.objective.logit_space import LogitSpace

_MOST_STEPS = 200
"""A bound: from y = 0 some 40 are taken at λ = 1e-12, one a unit of the margins, and 3 from a neighbour."""

ENOUGH = 1e-26
"""A bound: of the value, half of Newton's decrement that rounding hides; y is then sure to its square root."""

_HALVINGS = 40
"""A bound: a step shorter by 2^-40 is rounding."""

Vector = Float[np.ndarray, " _"]


@dataclass(frozen=True, eq=False)
class Fit:
    """Cross-entropy at logits.

    Attributes:
        by_kind: by kind of column, −log of the share of its own class.
        p: by margin, entries of the softmax there, all together in a column.
        weighed: p times the share of its kind of column: ∂CE/∂D.
    """

    by_kind: Vector
    p: Vector
    weighed: Vector


def fit_at(space: LogitSpace, y: Vector) -> Fit:
    """Cross-entropy by kind of column: log(1 + Σ_c N_c e^{D_c}), exact where margins are large too."""
    D = space.S @ y
    kind = space.kind_of_margin
    top = np.maximum(np.maximum.reduceat(D, space.first), 0.0)
    powers = space.counts * np.exp(D - top[kind])
    beside = np.add.reduceat(powers, space.first)
    own = np.exp(-top)
    p = powers / (own + beside)[kind]
    return Fit(top + np.log1p(np.expm1(-top) + beside), p, p * space.shares[kind])


@dataclass(frozen=True, eq=False)
class LastLayer:
    """The minimiser of CE(S y) + Σ_j τ_j y_j²/2.

    Attributes:
        y: it.
        fit: there.
        hessian: there.
    """

    y: Vector
    fit: Fit
    hessian: Float[np.ndarray, "coordinates coordinates"]

    def residual(self, space: LogitSpace) -> Float[np.ndarray, "K K"]:
        """I − softmax, by class (row) and column, of a space that knows its places.

        1 − p of the own class is the sum over the others, for it may be as small as rounding of 1.
        """
        assert space.places is not None
        own = np.add.reduceat(self.fit.p, space.first)
        entries = np.append(-self.fit.p / space.counts, 0.0)[space.places]
        kind = np.append(space.kind_of_margin, -1)[space.places].max(axis=0)
        entries[np.diag_indices_from(entries)] = own[kind]
        return np.asarray(entries)


def best_last_layer(space: LogitSpace, tau: Vector, start: Vector | None = None, enough: float = ENOUGH) -> LastLayer:
    """Minimise CE(S y) + Σ_j τ_j y_j²/2.

    Args:
        space: of the logits.
        tau: λ_{W_L}/α by coordinate, positive.
        start: a guess; zero if not said.
        enough: share of the value that half of Newton's decrement may have in the end.
    """
    S = space.S
    y = np.zeros(S.shape[1]) if start is None else start
    fit = fit_at(space, y)
    value = float(space.shares @ fit.by_kind + tau @ (y * y) / 2)
    for _ in range(_MOST_STEPS):
        gradient = S.T @ fit.weighed + tau * y
        along = np.add.reduceat(fit.p[:, None] * S, space.first, axis=0)  # p_fᵀ S by kind of column f
        hessian = (S.T * fit.weighed) @ S - (along.T * space.shares) @ along
        hessian.flat[:: len(y) + 1] += tau
        step = -np.linalg.solve(hessian, gradient)
        decrement = -float(gradient @ step)
        share = 1.0
        for _ in range(_HALVINGS):
            there = fit_at(space, y + share * step)
            after = float(space.shares @ there.by_kind + tau @ (y + share * step) ** 2 / 2)
            if after <= value - 0.25 * share * decrement or decrement <= 1e-12 * value:
                break
            share /= 2
        y, fit, value = y + share * step, there, after
        if decrement <= enough * value:
            break
    return LastLayer(y, fit, hessian)
