"""The collapsed problem in few variables, with derivatives written out by hand.

At a stationary point W_l = −Δ_{l+1} H_lᵀ/λ_l, so nothing is lost by W_l = V_l H_lᵀ, V_l = U_l E_lᵀ with U_l
(units × r_l) and a fixed E_l (K × r_l) that spans the row space of H_l. Only the Gram matrices G_l = H_lᵀ H_l enter:

    Ht_{l+1} = V_l G_l,     loss = Σ_k ℓ(z_k, e_k)/classes + Σ λ_l/2 tr(V_l G_l V_lᵀ) + nλ_H/2 ‖A‖² ,

z_k the columns of Ht_{L+1} and ℓ the objective's (`nccli.objective`).

The features of layer 1 shrink to A (r × K). E_l is scaled so that U_l is W_l in an orthonormal basis at the point
where the problem was set up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from nccli.dufm.refined.problem import RefinedProblem

Matrix = Float[np.ndarray, "_ _"]
Vector = Float[np.ndarray, " _"]
Masks = list[Bool[np.ndarray, "_ _"]]
Sigma = Callable[[Matrix], Matrix]

_CUT = 1e-4
"""A taste: singular values of the features below this share of the largest are no direction of the row space. Settled
descent leaves 1e-6 and less."""


def relu(z: Matrix) -> Matrix:
    """max(z, 0)."""
    return np.asarray(np.maximum(z, 0.0))


@dataclass(frozen=True, eq=False)
class Pass:
    """A point passed forward.

    Attributes:
        A: features of layer 1.
        V: V_1..V_L.
        H: H_1..H_L.
        G: Gram matrices of them.
        Z: Ht_2..Ht_{L+1}.
    """

    A: Matrix
    V: list[Matrix]
    H: list[Matrix]
    G: list[Matrix]
    Z: list[Matrix]

    @property
    def hidden(self) -> list[Matrix]:
        """Ht_2..Ht_L."""
        return self.Z[:-1]

    @cached_property
    def scale(self) -> float:
        """Root mean square of the positive pre-activations of the hidden layers; 0 if there are none."""
        positive = np.concatenate([z[z > 0] for z in self.hidden])
        return float(np.sqrt(np.mean(positive**2))) if len(positive) else 0.0


@dataclass(frozen=True, eq=False)
class State:
    """A point passed forward and back with given slopes and forces.

    Attributes:
        point: passed forward.
        slopes: S_2..S_L.
        D: Δ_2..Δ_{L+1}: S ⊙ B plus the forces.
        B: ∂loss/∂H_2..H_L.
        Psi: ∂loss/∂G_1..G_L, symmetric.
        loss: there.
        gradient: over all variables.
    """

    point: Pass
    slopes: list[Matrix]
    D: list[Matrix]
    B: list[Matrix]
    Psi: list[Matrix]
    loss: float
    gradient: Vector


class Network:
    """Shapes and bases of a reduced problem; a point is one vector (A, U_1, …, U_L)."""

    def __init__(self, problem: RefinedProblem, rank: int, widths: Sequence[int], bases: Sequence[Matrix]) -> None:
        """For A of so many rows, so many units in layers 2..L, and bases E_1..E_L of the K classes that live."""
        self.problem, self.wd, self.L = problem, problem.collapsed_wd, problem.L
        self.E, self.K, self.classes = list(bases), len(bases[0]), problem.K
        self.rows, self.columns = [rank, *widths, self.K], [self.K, *(E.shape[1] for E in bases)]
        self.target, self.aim = np.eye(self.K), problem.aim
        self.cuts = np.cumsum([0, *(a * b for a, b in zip(self.rows, self.columns, strict=True))]).tolist()
        self.size = int(self.cuts[-1])

    @cached_property
    def pair(self) -> Int[np.ndarray, "K K"]:
        """Place of each entry of a symmetric K × K matrix in the vector of its upper half."""
        found = np.zeros((self.K, self.K), int)
        a, b = self.upper
        found[a, b] = found[b, a] = np.arange(len(a))
        return found

    @cached_property
    def upper(self) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
        """Rows and columns of the upper half."""
        return np.triu_indices(self.K)

    def unpack(self, x: Vector) -> list[Matrix]:
        """A, U_1, …, U_L."""
        shapes = zip(self.cuts[:-1], self.cuts[1:], self.rows, self.columns, strict=True)
        return [x[a:b].reshape(m, c) for a, b, m, c in shapes]

    def forward(self, x: Vector, sigma: Sigma = relu) -> Pass:
        """Pass a point forward; `sigma` takes the place of ReLU where a layer has one."""
        A, *U = self.unpack(x)
        V = [u @ E.T for u, E in zip(U, self.E, strict=True)]
        H, G, Z = [A], [], []
        for layer, v in enumerate(V):
            G.append(H[-1].T @ H[-1])
            Z.append(v @ G[-1])
            if layer < self.L - 1:
                H.append(sigma(Z[-1]) if self.problem.has_relu[layer] else Z[-1])
        return Pass(A, V, H, G, Z)

    def loss(self, x: Vector, sigma: Sigma = relu) -> float:
        """The loss; classes that have died cost what zero does."""
        return self._loss(self.forward(x, sigma))

    def backward(self, point: Pass, slopes: list[Matrix], forces: Sequence[Matrix] | None = None) -> State:
        """Pass back with Δ = slope ⊙ B + force."""
        L, wd = self.L, self.wd
        D: list[Matrix] = [self.by_output(point)]
        B: list[Matrix] = []
        Psi: list[Matrix] = []
        for layer in range(L - 1, -1, -1):
            T = point.V[layer].T @ D[0]
            Psi.insert(0, (T + T.T + wd[layer + 1] * point.V[layer].T @ point.V[layer]) / 2)
            if layer:
                B.insert(0, 2 * point.H[layer] @ Psi[0])
                D.insert(0, slopes[layer - 1] * B[0] + (0 if forces is None else forces[layer - 1]))
        parts = [2 * point.A @ Psi[0] + wd[0] * point.A]
        parts += [(D[layer] + wd[layer + 1] * point.V[layer]) @ (point.G[layer] @ self.E[layer]) for layer in range(L)]
        gradient = np.concatenate([p.ravel() for p in parts])
        return State(point, slopes, D, B, Psi, self._loss(point), gradient)

    def by_output(self, point: Pass) -> Matrix:
        """∂loss/∂Ht_{L+1}."""
        return np.asarray(self.aim.residual(point.Z[-1].T, self.target).T / self.classes)

    def output_curvature(self, point: Pass) -> Float[np.ndarray, "K K K"]:
        """∂²fit/∂z_k² of every class k."""
        Z = np.broadcast_to(point.Z[-1].T, (self.K, self.K, self.K))
        along = np.broadcast_to(self.target[:, None], Z.shape)
        return np.asarray(self.aim.curvature(Z, along).transpose(1, 2, 0) / self.classes)

    def _loss(self, point: Pass) -> float:
        fit = self.aim.total(point.Z[-1].T, self.target) + (self.classes - self.K) * self.aim.trivial_loss(self.classes)
        reg = self.wd[0] * (point.A**2).sum()
        reg += sum(w * (v * z).sum() for w, v, z in zip(self.wd[1:], point.V, point.Z, strict=True))
        total = float(fit / self.classes + reg / 2)
        return total if total >= 0 else np.inf  # G_l of a step that runs away has rounding of any size


def reduced(problem: RefinedProblem, features: Matrix, weights: Sequence[Matrix]) -> tuple[Network, Vector]:
    """Network and point of features (units × K) and weights W_l (out × in)."""
    H = features
    parts: list[Matrix] = []
    bases: list[Matrix] = []
    for layer, W in enumerate(weights):
        G = H.T @ H
        w, Q = np.linalg.eigh(G)
        keep = w > _CUT**2 * w[-1]
        E = Q[:, keep] / np.sqrt(w[keep])
        if not bases:
            parts.append(np.sqrt(w[keep])[:, None] * Q[:, keep].T)
        bases.append(E)
        parts.append(W @ (H @ E))
        Z = parts[-1] @ E.T @ G
        H = relu(Z) if layer < problem.L - 1 and problem.has_relu[layer] else Z
    network = Network(problem, len(parts[0]), [len(U) for U in parts[1:-1]], bases)
    return network, np.concatenate([p.ravel() for p in parts])


def explicit(network: Network, x: Vector) -> tuple[Matrix, list[Matrix]]:
    """Features (rank × K) and weights W_l (out × in) of a point."""
    point = network.forward(x)
    return point.A, [V @ H.T for V, H in zip(point.V, point.H, strict=True)]
