"""The best W_L under cross-entropy over all its entries, no symmetry used, and the scalar problem of DNC."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp, softmax

Array = NDArray[np.float64]


def dense_last_layer(M: Array, weight_decay: float) -> tuple[float, Array]:
    """min over W of mean cross-entropy of W M, a class a column, + λ/2 ‖W‖², by L-BFGS; its value and W M."""
    d, K = M.shape

    def value(w: Array) -> tuple[float, Array]:
        Z = w.reshape(K, d) @ M
        loss = float(np.mean(logsumexp(Z, axis=0) - np.diag(Z)) + weight_decay / 2 * (w @ w))
        return loss, ((softmax(Z, axis=0) - np.eye(K)) @ M.T / K + weight_decay * w.reshape(K, d)).ravel()

    ends = {"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-16, "gtol": 1e-11, "maxcor": 30}
    found = minimize(value, np.zeros(K * d), jac=True, method="L-BFGS-B", options=ends)
    return float(found.fun), found.x.reshape(K, d) @ M


def dnc_cross_entropy(K: int, L: int, Lambda: float, linear: bool) -> float:
    """The least loss of logits a (I − J/K), from theory sheet section 6: P is Λ up to powers of K or of K − 1 and 2.

    ReLU: a_1² = λ_{W_1} λ_H K², a_l = λ K/2, A = λ_{W_L} a² (K − 1)/2. Linear networks: Schatten-2/(L+1) of the logits.
    """

    def loss(log_a: float) -> float:
        a = np.exp(log_a)
        fit = np.log1p((K - 1) * np.exp(-a))
        if linear:
            return float(fit + (L + 1) / 2 * Lambda ** (1 / (L + 1)) * (K - 1) * a ** (2 / (L + 1)))
        AP = Lambda * K**2 * (K / 2) ** (L - 2) * a**2 * (K - 1) / 2 if L > 2 else Lambda * K**2 * a**2 * (K - 1) / 2
        return float(fit + (L + 1) * (AP / 4) ** (1 / (L + 1)))

    grid = np.linspace(-1, 5, 601)
    best = grid[np.argmin([loss(each) for each in grid])]
    return float(
        minimize_scalar(loss, bounds=(best - 0.02, best + 0.02), method="bounded", options={"xatol": 1e-10}).fun
    )
