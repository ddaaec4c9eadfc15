"""The best scales of the features under cross-entropy: the non-zero local minimum with the least loss.

For block b at α_b = e^{v_b} everything before W_L costs c_b α_b^{1/L}, and the rest is min over y of
CE(S y) + Σ_b λ/(2α_b) ‖y_b‖². The slope in v_b is c_b α_b^{1/L}/L − λ/(2α_b) ‖y_b‖².
"""

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from jaxtyping import Float

from nccli.objective.last_layer import LastLayer, best_last_layer
from nccli.objective.logit_space import LogitSpace

_STEP = 0.5
"""A taste, in log α: slopes are looked at so far apart. Measured over K 4..45, L 2..8, λ 1e-7..0.1: steps of 0.05 find
no other minimum below the trivial loss."""

_NEARLY = 1e-10
"""A taste: how nearly the last layer is the best where only the sign of the slope is asked for."""

_SMALL = 0.1
"""A bound: where no margin exceeds it, CE is so nearly linear that the loss has no minimum in α."""

_POINTS = 192
"""A taste: of the search along a direction; a tenth of a millisecond."""

_LOOKS = (-1.0, 4.0, 9.0)
"""A taste: log α of directions that are tried, against where margins are about 1."""

_APART = 1.0
"""A taste: guesses nearer than this in log α lead to one minimum."""

_MOST_MARGIN = 700.0
"""A bound: e^-745 is 0, and with it the slope of CE."""

_MOST_STEPS = 60
_NEAR = 1e-13
"""Bounds: Newton's method takes 5 steps, and 60 lead to α = 0 where there is no minimum; log α is sure to some eps."""

Vector = Float[np.ndarray, " _"]


@dataclass(frozen=True, eq=False)
class Scales:
    """A stationary point.

    Attributes:
        log_alpha: by block.
        fit, reg: of each block, in the order of the blocks; reg has W_L's columns of that block too.
    """

    log_alpha: Vector
    fit: Vector
    reg: Vector

    @property
    def loss(self) -> float:
        """Of all blocks."""
        return float(self.fit.sum() + self.reg.sum())


def best_scales(space: LogitSpace, L: int, weight_decay: float, log_c: Vector) -> Scales | None:
    """The local minimum over all α_b > 0 that has the least loss; None if there is none.

    Args:
        space: of the logits, at α_b = 1.
        L: layers.
        weight_decay: λ_{W_L}.
        log_c: by block, log c_b.
    """
    problem = _Problem(space, L, weight_decay, np.asarray(log_c, dtype=float))
    for starts in (problem.guesses, problem.turns):
        found = [each for start in starts() if (each := problem.descend(*start)) is not None]
        if found or space.S.shape[1] == 1:
            return min(found, key=lambda each: each.loss, default=None)
    return None


@dataclass(frozen=True, eq=False)
class _Problem:
    space: LogitSpace
    L: int
    decay: float
    log_c: Vector

    def tau(self, v: Vector) -> Vector:
        """λ/α by coordinate."""
        return np.asarray(self.decay * np.exp(-v)[self.space.block])

    def by_block(self, squares: Vector) -> Vector:
        return np.bincount(self.space.block, weights=squares, minlength=len(self.log_c))

    def costs(self, v: Vector, y: Vector) -> tuple[Vector, Vector]:
        """c α^{1/L} and λ/(2α) ‖y‖² by block."""
        return np.exp(self.log_c + v / self.L), self.by_block(self.tau(v) * y * y / 2)

    def at(self, v: Vector, layer: LastLayer) -> Scales:
        before, last = self.costs(v, layer.y)
        fits = self.space.shares * layer.fit.by_kind
        return Scales(v, np.bincount(self.space.kind_block, weights=fits, minlength=len(v)), before + last)

    def guesses(self) -> list[tuple[Vector, Vector]]:
        """(log α, y) at minima over t of the loss at y = t d, all α at their best, for some directions d.

        Where λ/(2α_b) ‖y_b‖² is c_b α_b^{1/L}/L, each block costs L + 1 times that. For a single coordinate it is all.
        """
        L, space, found = self.L, self.space, list[tuple[float, Vector, Vector]]()
        for direction in _directions(space, len(self.log_c)):
            D = space.S @ direction
            size = np.abs(D[np.abs(D) > 1e-9 * np.abs(D).max()])
            t = np.geomspace(_SMALL / size.max(), _MOST_MARGIN / size.min(), _POINTS)
            D = np.outer(t, D)
            top = np.maximum(np.maximum.reduceat(D, space.first, axis=1), 0.0)
            powers = space.counts * np.exp(D - top[:, space.kind_of_margin])
            sums = np.exp(-top) + np.add.reduceat(powers, space.first, axis=1)
            slope = np.add.reduceat(powers * D, space.first, axis=1) / sums @ space.shares
            squares = np.log(self.by_block(direction * direction))
            log_q = math.log(self.decay / 2) + squares + 2 * np.log(t)[:, None]
            log_alpha = L / (L + 1) * (math.log(L) + log_q - self.log_c)
            cost = np.exp(log_q - log_alpha).sum(axis=1)
            slope += 2 * cost
            for i in np.flatnonzero((slope[:-1] < 0) & (slope[1:] >= 0)):
                loss = float((top + np.log(sums))[i] @ space.shares + (L + 1) * cost[i])
                part = slope[i] / (slope[i] - slope[i + 1])
                found.append((loss, (1 - part) * log_alpha[i] + part * log_alpha[i + 1], t[i] * direction))
        found.sort(key=lambda each: each[0])
        apart = list[tuple[Vector, Vector]]()
        for _, v, y in found:
            if all(float(np.abs(v - other).max()) > _APART for other, _ in apart):
                apart.append((v, y))
        return apart

    def turns(self) -> list[tuple[Vector, Vector]]:
        """(log α, y) near each minimum along the ray on which all blocks have margins of one size."""
        space, relative = self.space, _relative(self.space, len(self.log_c))
        reach = float(np.abs(space.S * np.exp(relative)[space.block]).max()) * len(space.block)
        place = math.floor(math.log(_SMALL / max(reach, 1e-300)) / _STEP)
        found: list[tuple[Vector, Vector]] = []
        before: tuple[float, Vector, Vector] | None = None
        while True:
            y, fit = _along(space, relative, place)
            v = place * _STEP + math.log(self.decay) + relative
            early, late = self.costs(v, y)
            slope = float(early.sum() / self.L - late.sum())
            if before is not None and before[0] < 0 <= slope:
                part = before[0] / (before[0] - slope)
                found.append(((1 - part) * before[1] + part * v, before[2]))
            if early.sum() / self.L > fit + late.sum():
                return found  # λ/(2α) ‖y‖² is at most the fit and itself, which fall with α, while c α^{1/L} grows
            before = slope, v, y
            place += 1

    def descend(self, v: Vector, y: Vector) -> Scales | None:
        """Newton's steps in v with the second derivative exact; None where they run off to α = 0."""
        layer = best_last_layer(self.space, self.tau(v), y)
        here = self.at(v, layer)
        for _ in range(_MOST_STEPS):
            before, last = self.costs(v, layer.y)
            slope = before / self.L - last
            values, vectors = np.linalg.eigh(self._curvature(before, last, v, layer))
            floor = 1e-3 * float(np.abs(values).max())
            step = -vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), floor))
            step *= min(1.0, 2.0 / float(np.abs(step).max() or 1.0))
            share = 1.0
            while True:
                there = v + share * step
                moved = best_last_layer(self.space, self.tau(there), layer.y)
                after = self.at(there, moved)
                if after.loss <= here.loss * (1 + 1e-15) or share < 1e-6:
                    break
                share /= 4
            v, layer, here = there, moved, after
            if float(np.abs(step).max()) <= _NEAR:
                margins = self.space.S @ layer.y
                return here if float(np.abs(margins).max()) > _SMALL else None
        return None

    def _curvature(self, before: Vector, last: Vector, v: Vector, layer: LastLayer) -> Float[np.ndarray, "b b"]:
        """Second derivative in v; ∂y/∂v_b = H^{-1} (τ y)_b."""
        blocks = len(v)
        force = (self.tau(v) * layer.y)[:, None] * (self.space.block[:, None] == np.arange(blocks))
        moved = force.T @ np.linalg.solve(layer.hessian, force)
        return np.asarray(np.diag(before / self.L**2 + last) - (moved + moved.T) / 2)


def _relative(space: LogitSpace, blocks: int) -> Vector:
    """log α_b up to a common number, such that blocks have margins of one size."""
    sizes = [float(np.abs(space.S[:, space.block == block]).max(initial=1e-300)) for block in range(blocks)]
    return np.asarray(-2 * np.log(sizes)) if blocks > 1 else np.zeros(1)


def _directions(space: LogitSpace, blocks: int) -> list[Vector]:
    """Where the best last layers lie at small, middling and large α; one if there is one coordinate."""
    memory = cast("dict[object, list[Vector]]", space.solved)
    if "directions" not in memory:
        relative, y = _relative(space, blocks), None
        reach = float(np.abs(space.S * np.exp(relative)[space.block]).max())
        found = []
        for log_alpha in _LOOKS[: space.S.shape[1]]:
            y = best_last_layer(space, reach * np.exp(-log_alpha - relative)[space.block], y, _NEARLY).y
            found.append(y / float(np.abs(y).max()))
        memory["directions"] = found
    return memory["directions"]


def _along(space: LogitSpace, relative: Vector, place: int) -> tuple[Vector, float]:
    """y and CE at log(α/λ) = place · _STEP + relative; remembered, for it is the same for all problems of the space."""
    memory = cast("dict[object, tuple[Vector, float, Vector]]", space.solved)
    if place not in memory:
        tau = np.exp(-place * _STEP - relative)[space.block]
        before = memory.get(place - 1)
        layer = best_last_layer(space, tau, None if before is None else before[0] + before[2], _NEARLY)
        # dy/d log α = H^{-1} τ y
        onward = _STEP * np.linalg.solve(layer.hessian, tau * layer.y)
        memory[place] = layer.y, float(space.shares @ layer.fit.by_kind), onward
    y, fit, _ = memory[place]
    return y, fit
