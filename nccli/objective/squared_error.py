"""The mean squared error to one-hot targets: ℓ(z, y) = ½ ‖z − y‖², the objective of Súkeník et al. 2024."""

import math

import numpy as np
from jaxtyping import Float

from nccli.objective.objective import Array, Objective, Optimum, Readout
from nccli.objective.scalar_minimum import lowest_minimum


class SquaredError(Objective):
    """ℓ(z, y) = ½ ‖z − y‖²; fit = 1/(2N) ‖W_L H_L − Y‖²_F."""

    name = "mse"
    adds_over_blocks = True
    c_residual = "factor * (z - y)"

    def total(self, output: Float[Array, "*batch N K"], target: Float[Array, "*_ N K"]) -> Float[Array, "*batch"]:
        """½ ‖Z − Y‖²_F."""
        residual = output - target
        return 0.5 * (residual * residual).sum(axis=(-2, -1))

    def residual(
        self, output: Float[Array, "*batch N K"], target: Float[Array, "*_ N K"]
    ) -> Float[Array, "*batch N K"]:
        """Z − Y."""
        return output - target

    def residual_(self, output: Float[Array, "*batch N K"], target: Float[Array, "*_ N K"], factor: Array) -> None:
        """Z ← factor (Z − Y)."""
        output.sub_(target).mul_(factor)

    def curvature(
        self, output: Float[Array, "*batch N K"], direction: Float[Array, "*batch N K"]
    ) -> Float[Array, "*batch N K"]:
        """The identity."""
        return direction

    def trivial_loss(self, K: int) -> float:
        """½, from the one unit entry of y."""
        return 0.5

    def constant_fit(self, K: int) -> float:
        """½ (1 − 1/K), at the output 1/K everywhere."""
        return 0.5 * (1 - 1 / K)

    def best_scale(self, readout: Readout, K: int, L: int, weight_decay: float, log_c: float) -> Optimum:
        """The lowest non-zero local minimum over u of c u + Σ_i 1/(2K(1 + y_i)), y_i = μ_i u^L/(Kλ_{W_L}).

        Term i is what the ridge regressor W_L leaves along eigenvector i, its own regularisation included; 1/(1 + y_i)²
        in the place of 1/(1 + y_i) is the fit's part of it.
        """
        mu = readout.output_eigenvalues
        values, counts = mu.values[mu.values > 0], mu.multiplicities[mu.values > 0]
        log_y1 = np.log(values) - math.log(K) - math.log(weight_decay)
        unseen = readout.classes - int(counts.sum())
        log_u, loss = lowest_minimum(log_c, log_y1, counts, K, L, unseen)
        with np.errstate(divide="ignore"):
            log_y = np.log(mu.values) + L * log_u - math.log(K) - math.log(weight_decay)
        fit = float(mu.multiplicities @ np.exp(-2 * np.logaddexp(0, log_y))) / (2 * K)
        return Optimum(log_u, loss, fit)

    def of_gram(
        self, gram: Float[np.ndarray, "k k"], K: int, weight_decay: float
    ) -> tuple[float, Float[np.ndarray, "k k"]]:
        """λ/2 tr (G + KλI)^{-1} and −λ/2 (G + KλI)^{-2}."""
        inverse = np.linalg.inv(gram + K * weight_decay * np.eye(len(gram)))
        return weight_decay / 2 * float(np.trace(inverse)), -weight_decay / 2 * (inverse @ inverse)

    def last_weights(self, means: Float[np.ndarray, "d K"], weight_decay: float) -> Float[np.ndarray, "K d"]:
        """The ridge regressor (MᵀM + Kλ I)⁻¹ Mᵀ."""
        K = means.shape[1]
        return np.asarray(np.linalg.solve(means.T @ means + K * weight_decay * np.eye(K), means.T))
