"""Second derivatives of the reduced problem, through the Gram matrices.

A layer l is felt above it only through G_{l+1}, so with Ψ = ∂loss/∂G_{l+1} the unit i of layer l + 1 has the local loss

    ℓ_i(u, G_l) = λ_l/2 vᵀ G_l v + hᵀ Ψ h + fᵀz,     v = E_l u,  z = G_l v,  h = σ(z),  f: forces at kinks,

and the Hessian is Σ_l T_lᵀ Q_l T_l, Q_l the Hessian of Σ_i ℓ_i in (U_l, G_l) and T_l the derivative of (U_l, G_l) by
all variables. Q_l is block-diagonal in U_l below the output, whose entries the objective may mix; dG_l has K(K+1)/2
rows.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nccli.dufm.refined.network import Masks, Matrix, Network, State


@dataclass(frozen=True, eq=False)
class Curvature:
    """The Hessian at a state, and what derivatives of pre-activations are made from.

    Attributes:
        matrix: variables × variables.
        grams: of the upper halves of G_1..G_L by the variables of the blocks below.
    """

    matrix: Matrix
    grams: list[Float[np.ndarray, "pairs _"]]


def hessian(network: Network, s: State, bend: list[Matrix] | None = None) -> Curvature:
    """The Hessian with the state's slopes and forces held.

    Args:
        network: the problem.
        s: the point, passed back.
        bend: σ'' ⊙ B of layers 2..L where σ is smooth; None for zero.
    """
    K, cuts, point = network.K, network.cuts, s.point
    pair, (a, b), C = network.pair, network.upper, network.output_curvature(point)
    out = np.zeros((network.size, network.size))
    r = network.rows[0]
    out[: r * K, : r * K] = np.kron(np.eye(r), network.wd[0] * np.eye(K) + 2 * s.Psi[0])
    dG = [_gram_tangent(np.broadcast_to(np.eye(K), (r, K, K)), point.A, a, b)]
    for layer in range(network.L):
        below, own = slice(0, cuts[layer + 1]), slice(cuts[layer + 1], cuts[layer + 2])
        V, E, lam, G = point.V[layer], network.E[layer], network.wd[layer + 1], point.G[layer]
        units, GE = len(V), G @ network.E[layer]
        if layer < network.L - 1:
            S = s.slopes[layer]
            N = 2 * S[:, :, None] * s.Psi[layer + 1] * S[:, None, :]
            if bend is not None:
                N[:, np.arange(K), np.arange(K)] += bend[layer]
        Y, Yf = _times(V, pair), _times(lam * V + s.D[layer], pair)
        NY = N @ Y if layer < network.L - 1 else np.einsum("kuv,vkp->ukp", C, Y, optimize=True)
        Q_gg = Y.reshape(units * K, -1).T @ NY.reshape(units * K, -1)
        Q_ug = (E.T @ Yf + GE.T @ NY).reshape(-1, len(a))
        out[below, below] += dG[layer].T @ (Q_gg @ dG[layer])
        out[own, below] = Q_ug @ dG[layer]
        out[below, own] = out[own, below].T
        c = network.columns[layer + 1]
        if layer == network.L - 1:
            Q_uu = np.einsum("kuv,ka,kb->uavb", C, GE, GE, optimize=True).reshape(units * c, -1)
            out[own, own] = Q_uu + np.kron(np.eye(units), lam * (E.T @ GE))
        else:
            Q_uu = lam * (E.T @ GE) + GE.T @ N @ GE
            for u in range(units):
                at = slice(cuts[layer + 1] + u * c, cuts[layer + 1] + (u + 1) * c)
                out[at, at] = Q_uu[u]
        if layer < network.L - 1:
            H = point.H[layer + 1]
            carried = (H.T @ (S[:, :, None] * Y).reshape(units, -1)).reshape(K, K, -1)
            carried = (carried + carried.swapaxes(0, 1))[a, b]
            dG.append(np.hstack([carried @ dG[layer], _gram_tangent(S[:, :, None] * GE, H, a, b)]))
    return Curvature((out + out.T) / 2, dG)


def jacobian(network: Network, s: State, curvature: Curvature, masks: Masks) -> Matrix:
    """Rows ∂z/∂x of the pre-activations of the masks, layer after layer."""
    J = np.zeros((sum(int(q.sum()) for q in masks), network.size))
    at = 0
    for layer, q in enumerate(masks):
        i, k = np.nonzero(q)
        rows = np.arange(at, at + len(i))
        weights = np.zeros((len(i), curvature.grams[layer].shape[0]))
        weights[np.arange(len(i))[:, None], network.pair[k]] = s.point.V[layer][i]
        J[rows, : network.cuts[layer + 1]] = weights @ curvature.grams[layer]
        c = network.columns[layer + 1]
        own = network.cuts[layer + 1] + i[:, None] * c + np.arange(c)
        J[rows[:, None], own] = (s.point.G[layer] @ network.E[layer])[k]
        at += len(i)
    return J


def _times(V: Matrix, pair: Int[np.ndarray, "K K"]) -> Float[np.ndarray, "units K pairs"]:
    """dG v of every unit, for every entry of the upper half of dG."""
    K = len(pair)
    found = np.zeros((len(V), K, K * (K + 1) // 2))
    for k in range(K):
        found[:, k, pair[k]] = V
    return found


def _gram_tangent(
    dH: Float[np.ndarray, "units K c"], H: Matrix, a: Int[np.ndarray, " pairs"], b: Int[np.ndarray, " pairs"]
) -> Matrix:
    """Derivative of the upper half of HᵀH where unit i has dh = dH[i] du."""
    found = H[:, a, None] * dH[:, b] + H[:, b, None] * dH[:, a]
    return np.asarray(found.transpose(1, 0, 2).reshape(len(a), -1))
