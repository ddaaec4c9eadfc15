"""The independent check: the full n-sample network with all its units, dense and plain.

Nothing of the reduced problem is used. Backpropagation with slopes 1 or 0 off the kinks and any in [0, 1] at them is
an element of the chain-rule subdifferential (the conservative field of Bolte and Pauwels 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nccli.dufm.refined.problem import RefinedProblem

CERTIFIED = 1e-10
"""A bound: some 1e5 roundings, for the norm relative to ‖(λθ)‖ and for the kinks relative to the pre-activations."""


@dataclass(frozen=True)
class Certificate:
    """What was found on explicit matrices.

    Attributes:
        loss: of the n-sample problem.
        residual: norm of the element of the subdifferential, over ‖(λ_{H_1} H_1, λ_{W_1} W_1, …)‖.
        norm: the norm itself.
        radius: largest pre-activation whose slope is not 1[z > 0], over the root mean square of the positive ones.
        kinks: class-wise pre-activations whose slope is free.
    """

    loss: float
    residual: float
    norm: float
    radius: float
    kinks: int

    @property
    def holds(self) -> bool:
        """Whether the point is certified."""
        return self.residual < CERTIFIED and self.radius < CERTIFIED


def certificate(
    problem: RefinedProblem,
    means: Float[np.ndarray, "d K"],
    weights: Sequence[Float[np.ndarray, "_ _"]],
    slopes: Sequence[Float[np.ndarray, "d K"]],
) -> Certificate:
    """Check a point of the n-sample problem whose features are the class means, n times each.

    Args:
        problem: sizes and regularisation.
        means: M_1.
        weights: W_1..W_L, each (out, in).
        slopes: of layers 2..L; outside [0, 1] they are not of a subdifferential, and nothing holds.
    """
    n, N = problem.n, problem.n * problem.K
    Y = np.repeat(np.eye(problem.K), n, axis=0)
    S = [np.repeat(slope, n, axis=1) for slope in slopes]
    H, Z = [np.repeat(means, n, axis=1)], []
    for W, has_relu in zip(weights[:-1], problem.has_relu, strict=True):
        Z.append(W @ H[-1])
        H.append(np.maximum(Z[-1], 0) if has_relu else Z[-1])
    output = (weights[-1] @ H[-1]).T
    decayed = [wd * p for wd, p in zip(problem.wd, [H[0], *weights], strict=True)]
    reg = sum((d * p).sum() for d, p in zip(decayed, [H[0], *weights], strict=True)) / 2
    loss = problem.aim.total(output, Y) / N + reg
    by_output, gradients = problem.aim.residual(output, Y).T / N, []
    for layer in range(problem.L - 1, -1, -1):
        gradients.append(by_output @ H[layer].T + decayed[layer + 1])
        by_output = weights[layer].T @ by_output
        if layer:
            by_output = S[layer - 1] * by_output
    gradients.append(by_output + decayed[0])
    norm, scale = (float(np.sqrt(sum((p**2).sum() for p in parts))) for parts in (gradients, decayed))
    lawful = all(((s >= 0) & (s <= 1)).all() for s in S)
    off, kinks = 0.0, 0
    for z, s, has_relu in zip(Z, S, problem.has_relu, strict=True):
        wrong = (s != (z > 0)) if has_relu else (s != 1)
        lawful = lawful and (has_relu or not wrong.any())
        off = max(off, float(np.abs(z[wrong]).max(initial=0.0)))
        kinks += int(wrong[:, ::n].sum())
    positive = np.concatenate([z[z > 0] for z in Z])
    unit = float(np.sqrt(np.mean(positive**2))) if len(positive) else 1.0
    return Certificate(
        loss=float(loss),
        residual=norm / scale if scale > 0 else norm,
        norm=norm,
        radius=off / unit if lawful else np.inf,
        kinks=kinks,
    )
