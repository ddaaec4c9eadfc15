"""The L-layer deep unconstrained features model (L-DUFM) of Súkeník et al. 2024, section 3."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nccli.catalogue.options import ActivationName, ObjectiveName
from nccli.catalogue.settings import complaints
from nccli.errors import InputError
from nccli.objective import SquaredError, objective_named
from nccli.theory.class_counts import sound_counts, unequal_counts

TRIVIAL_LOSS = SquaredError().trivial_loss(2)
"""Loss of the all-zero point: 1/(2N) ‖Y‖² with one unit entry in each of the N columns of Y, whatever K."""


@dataclass(frozen=True)
class Problem:
    """One L-DUFM: sizes and regularisation, without width or optimiser.

    loss = 1/(2N) ‖W_L H_L − Y‖² + Σ_l λ_{W_l}/2 ‖W_l‖² + λ_{H_1}/2 ‖H_1‖²,  N = nK,  Y = I_K ⊗ 1_nᵀ.

    Attributes:
        K: number of classes, at least 2.
        L: number of weight matrices, at least 2.
        n: samples a class, at least 1.
        lambda_h1: weight decay λ_{H_1} of the free features, positive.
        lambda_w: weight decay λ_{W_1}, …, λ_{W_L}, positive.
        objective: name of what takes the place of the first term, as in `nccli.objective`.
        linear: whether σ is the identity in all layers.
        counts: samples of each class where these differ (theory sheet, section 7), and n is then the largest; None for
            n of each, as which counts that are all equal are taken too.

    Raises:
        InputError: a size or a λ is out of its range, lambda_w has not L entries or counts not K, or there is no such
            objective.
    """

    K: int
    L: int
    n: int
    lambda_h1: float
    lambda_w: tuple[float, ...]
    objective: str = "mse"
    linear: bool = False
    counts: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what the theory does not cover."""
        if self.counts is not None:
            object.__setattr__(self, "n", max(sound_counts(self.counts, self.K)))
            object.__setattr__(self, "counts", unequal_counts(self.counts))
        for complaint in complaints(K=self.K, L=self.L, n=self.n):
            raise InputError(complaint)
        if len(self.lambda_w) != self.L:
            raise InputError(f"{len(self.lambda_w)} weight decays for L = {self.L} layers: give one a layer")
        for name, decay in (*((f"λ_W{i}", v) for i, v in enumerate(self.lambda_w, 1)), ("λ_H1", self.lambda_h1)):
            if not (decay > 0 and math.isfinite(decay)):
                raise InputError(f"weight decay {name} = {decay}: must be positive and finite")
        _ = objective_named(self.objective)

    @classmethod
    def uniform(
        cls, K: int, L: int, weight_decay: float, n: int = 1, objective: str = "mse", linear: bool = False
    ) -> "Problem":
        """Return the problem with one weight decay for the features and every layer."""
        return cls(K, L, n, weight_decay, (weight_decay,) * L, objective, linear)

    @property
    def trivial_loss(self) -> float:
        """Loss of the all-zero point."""
        return objective_named(self.objective).trivial_loss(self.K)

    def activated(self, pre: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """σ of a pre-activation: its positive part, or itself in a linear network."""
        return pre if self.linear else np.maximum(pre, 0.0)

    @property
    def class_sizes(self) -> Int[np.ndarray, " K"]:
        """Samples of each class."""
        return np.full(self.K, self.n) if self.counts is None else np.array(self.counts)

    @property
    def first_samples(self) -> Int[np.ndarray, " K"]:
        """Place of the first sample of each class."""
        return np.asarray(np.cumsum(self.class_sizes) - self.class_sizes)

    @property
    def collapsed_lambda_h1(self) -> float:
        """λ_H = n λ_{H_1}: weight decay of M_1 in the equivalent problem with one sample a class, of equal classes."""
        return self.n * self.lambda_h1


def is_linear(objective: str, activation: str | None) -> bool:
    """Whether solutions of a linear network are meant.

    Runs of linear networks under squared error are held against those of ReLU: DNC is the same and the best of all.
    """
    return objective != ObjectiveName.MSE and activation == ActivationName.LINEAR


def explicit_loss(
    problem: Problem,
    weights: Sequence[Float[np.ndarray, "_ _"]],
    features: Float[np.ndarray, "d N"],
) -> tuple[float, float]:
    """Evaluate the DUFM loss at explicit matrices.

    Args:
        problem: sizes and regularisation.
        weights: W_1, …, W_L; W_l of shape (d, d) for l < L, W_L of shape (K, d).
        features: H_1 of shape (d, N), the samples of a class next to each other.

    Returns:
        (fit, reg); the loss is their sum.
    """
    hidden = features
    for W in weights[:-1]:
        hidden = problem.activated(W @ hidden)
    target = np.repeat(np.eye(problem.K), problem.class_sizes, axis=0)
    fit = float(objective_named(problem.objective).total((weights[-1] @ hidden).T, target)) / len(target)
    reg = 0.5 * problem.lambda_h1 * float(np.sum(features**2))
    reg += sum(0.5 * lam * float(np.sum(W**2)) for lam, W in zip(problem.lambda_w, weights, strict=True))
    return fit, reg
