"""A point that a search has come upon, and how."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from nccli.dufm.refined import Refined
from nccli.errors import InputError
from nccli.theory import Problem, Solution, explicit_loss

_DEAD = 1e-9
"""A bound: of the largest unit of its layer, below which a unit is rounding."""

_FACTORS = np.geomspace(0.25, 4.0, 65)
"""A taste: matrices at the optimum grow like λ^(−1/(2L + 2)) or more slowly."""

Matrix = Float[np.ndarray, "_ _"]


@dataclass(frozen=True, eq=False)
class SearchPoint:
    """Class means and weights.

    Attributes:
        means: M_1, d × K.
        weights: W_1..W_L, each (out, in).
        found_by: how it was found.
        loss: of the n-sample problem, evaluated at these very matrices in float64.
        refined: what refining came to, its matrices aside; None where it was not refined.
        parent: id of the stored run that it came from; None for none.
    """

    means: Matrix
    weights: tuple[Matrix, ...]
    found_by: str
    loss: float
    refined: Refined | None = None
    parent: str | None = None

    @classmethod
    def of(
        cls, problem: Problem, means: Matrix, weights: Sequence[Matrix], found_by: str, parent: str | None = None
    ) -> "SearchPoint":
        """Evaluated."""
        return cls(means, tuple(weights), found_by, point_loss(problem, means, weights), None, parent)

    @classmethod
    def constructed(cls, solution: Solution, spare: int) -> "SearchPoint":
        """A construction, with so many units a layer more than it needs."""
        n, width = solution.problem.n, solution.construction.min_width + spare
        weights, features = solution.matrices(width)
        graph = solution.construction.about.get("graph")
        name = solution.construction.label if graph is None else f"hypergraph {graph}"
        return cls.of(solution.problem, features[:, ::n], weights, name)

    @classmethod
    def of_other_decay(
        cls, problem: Problem, means: Matrix, weights: Sequence[Matrix], found_by: str, parent: str | None
    ) -> "SearchPoint":
        """The best multiple of a point of a problem with other λ, all matrices by one factor."""
        scaled = (cls.of(problem, a * means, [a * W for W in weights], found_by, parent) for a in (1.0, *_FACTORS))
        return min(scaled, key=lambda point: point.loss)

    @property
    def unknowns(self) -> int:
        """Of its refinement: units by the rank of what they read, layer by layer."""
        hidden, count = self.means, 0
        for W in self.weights:
            rank = int(np.linalg.matrix_rank(hidden))
            count += rank * (len(W) + (hidden.shape[1] if hidden is self.means else 0))
            hidden = np.maximum(W @ hidden, 0.0)
        return count

    @property
    def certified(self) -> bool:
        """Whether it is a stationary point by the independent check."""
        return self.refined is not None and self.refined.certified

    @property
    def order(self) -> tuple[float, bool]:
        """The better point has the less: its loss; of equal ones a certified point."""
        return self.loss, not self.certified

    def at(self, problem: Problem, found: Refined) -> "SearchPoint":
        """Where refining has led, without units that are zero."""
        point = replace(self, means=found.means, weights=tuple(found.weights), refined=found).in_least_width()
        return replace(point, loss=point_loss(problem, point.means, point.weights))

    def in_least_width(self) -> "SearchPoint":
        """Without units that are zero."""
        means, weights = without_dead_units(self.means, self.weights)
        return replace(self, means=means, weights=weights)

    def of_width(self, width: int) -> "SearchPoint":
        """With units that are zero, up to a width.

        Raises:
            InputError: the point needs a larger one.
        """
        need = len(self.means)
        if width < need:
            raise InputError(f"width {width} is too small for the best solution known, which needs {need}")
        means, weights = widened(self.means, self.weights, width - need)
        return replace(self, means=means, weights=weights)

    def shaken(self, noise: float, spare: int, seed: int) -> "SearchPoint":
        """With noise of `noise` times its norm on each matrix, and so many more units a layer; its loss is unknown."""
        means, weights = widened(self.means, self.weights, spare)
        rng = np.random.Generator(np.random.Philox(seed))
        noisy = [_noisy(each, noise, rng) for each in (means, *weights)]
        how = f"{self.found_by}, shaken by {noise:g} (seed {seed})"
        return replace(self, means=noisy[0], weights=tuple(noisy[1:]), found_by=how, loss=np.inf, refined=None)


def point_loss(problem: Problem, means: Matrix, weights: Sequence[Matrix]) -> float:
    """Of the n-sample problem at explicit matrices."""
    return sum(explicit_loss(problem, weights, np.repeat(means, problem.n, axis=1)))


def widened(means: Matrix, weights: Sequence[Matrix], spare: int) -> tuple[Matrix, tuple[Matrix, ...]]:
    """The same point with so many more units a layer, all zero."""
    hidden = [np.pad(W, ((0, spare), (0, spare))) for W in weights[:-1]]
    return np.pad(means, ((0, spare), (0, 0))), (*hidden, np.pad(weights[-1], ((0, 0), (0, spare))))


def without_dead_units(means: Matrix, weights: Sequence[Matrix]) -> tuple[Matrix, tuple[Matrix, ...]]:
    """The same function in the least width that holds it: units that are zero, or that nothing reads, go.

    H_1 is turned so that its rows beyond its rank are zero first.
    """
    turn = np.linalg.svd(means, full_matrices=True)[0]
    means, chain = turn.T @ means, [weights[0] @ turn, *weights[1:]]
    alive = [_alive(into, W.T) for into, W in zip([means, *chain[:-1]], chain, strict=True)]
    width = max(1, *(int(each.sum()) for each in alive))
    kept = [_first(each, width) for each in alive]
    cut = [W[:, columns] for W, columns in zip(chain, kept, strict=True)]
    return means[kept[0]], (*(W[rows] for W, rows in zip(cut[:-1], kept[1:], strict=True)), cut[-1])


def _alive(into: Matrix, out_of: Matrix) -> Bool[np.ndarray, " units"]:
    """Units whose rows into and out of them are not zero."""
    sizes = np.linalg.norm(into, axis=1), np.linalg.norm(out_of, axis=1)
    return np.asarray((sizes[0] > _DEAD * sizes[0].max(initial=0.0)) & (sizes[1] > _DEAD * sizes[1].max(initial=0.0)))


def _first(alive: Bool[np.ndarray, " units"], count: int) -> list[int]:
    """Places of so many units, those that live first, else in their order."""
    return [*np.flatnonzero(alive).tolist(), *np.flatnonzero(~alive).tolist()][:count]


def _noisy(exact: Matrix, noise: float, rng: np.random.Generator) -> Matrix:
    drawn = rng.standard_normal(exact.shape)
    return np.asarray(exact + noise * np.linalg.norm(exact) / np.linalg.norm(drawn) * drawn)
