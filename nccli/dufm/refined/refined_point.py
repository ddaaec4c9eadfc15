"""What refining comes to: the full point, checked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from nccli.dufm.refined.candidate import Candidate
from nccli.dufm.refined.certificate import certificate
from nccli.dufm.refined.network import Matrix, explicit
from nccli.dufm.refined.problem import RefinedProblem


@dataclass(frozen=True, eq=False)
class Refined:
    """A refined point.

    Attributes:
        means: M_1, d × K.
        weights: W_1..W_L, each (out, in).
        slopes: of layers 2..L, d × K: those of the subdifferential's element that was checked.
        loss: of the n-sample problem.
        residual: norm of that element over ‖(λθ)‖.
        norm: the norm itself.
        radius: largest pre-activation whose slope is not 1[z > 0], over the root mean square of the positive ones.
        kinks: class-wise pre-activations whose slope is free.
        iterations: Hessians.
        certified: whether residual and radius are below `CERTIFIED` in the independent check.
        reason: empty where certified, else how far it got.
    """

    means: Float[np.ndarray, "d K"]
    weights: list[Matrix]
    slopes: list[Float[np.ndarray, "d K"]]
    loss: float
    residual: float
    norm: float
    radius: float
    kinks: int
    iterations: int
    certified: bool
    reason: str

    @classmethod
    def of(
        cls,
        problem: RefinedProblem,
        means: Float[np.ndarray, "d K"],
        weights: Sequence[Matrix],
        slopes: list[Float[np.ndarray, "d K"]],
        iterations: int,
        excuse: str = "",
    ) -> "Refined":
        """Check a point and say how far it got; `excuse` goes before that."""
        found = certificate(problem, means, weights, slopes)
        far = f"residual {found.residual:.1e}, radius {found.radius:.1e}"
        reason = "" if found.holds else f"{excuse}: {far}" if excuse else far
        told = (found.loss, found.residual, found.norm, found.radius, found.kinks, iterations, found.holds, reason)
        return cls(means, list(weights), slopes, *told)

    @classmethod
    def full(
        cls, problem: RefinedProblem, found: Candidate, alive: Bool[np.ndarray, " K"], iterations: int
    ) -> "Refined":
        """The candidate of the classes that live, with all classes and units."""
        d, K, classes = problem.width, problem.K, np.flatnonzero(alive)
        features, parts = explicit(found.network, found.x)
        means = np.zeros((d, K))
        means[: len(features), alive] = features
        weights = [np.zeros((d, d)) for _ in parts[:-1]] + [np.zeros((K, d))]
        for whole, W in zip(weights[:-1], parts[:-1], strict=True):
            whole[: W.shape[0], : W.shape[1]] = W
        weights[-1][classes, : parts[-1].shape[1]] = parts[-1]
        slopes = [np.full((d, K), 0.0 if has_relu else 1.0) for has_relu in problem.has_relu]
        for whole, slope, has_relu in zip(slopes, found.slopes(), problem.has_relu, strict=True):
            if has_relu:
                whole[: len(slope), classes] = slope
        return cls.of(problem, means, weights, slopes, iterations)
