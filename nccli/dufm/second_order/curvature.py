"""Second derivatives of the network whose slopes are held: products, and rows of pre-activations, written out by hand.

With slopes S of layers 2..L held (1 or 0 off the kinks, M/B in [0, 1] at them) the network is multilinear and the
loss f_S smooth. Where M are multipliers that make the gradient zero, f = f_S + Σ_c B_c φ_c(z_c) to second order, with
φ_c ≥ 0 the rest of the kink; on the tangent space of {z_kinks = 0} the Hessian of f_S is that of the Lagrangian, the
curvature of the constraints included.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from nccli.dufm.second_order.point import ActivePoint, Mask, Matrix, Stack, Vector

Masks = Sequence[Mask]
Many = Float[np.ndarray, "many size"]
Each = Stack

_CHUNK = 256
"""A taste: vectors multiplied at once."""


@dataclass(frozen=True, eq=False)
class HeldNetwork:
    """A point with its slopes.

    Attributes:
        point: where.
        slopes: of layers 2..L.
        forces: Δ at kinks in place of slope · B, by layer; None where slopes tell all.
    """

    point: ActivePoint
    slopes: Sequence[Matrix]
    forces: Sequence[Matrix] | None = None

    @cached_property
    def H(self) -> list[Matrix]:
        """H_1..H_L."""
        return self.point.forward()[0]

    @cached_property
    def _back(self) -> tuple[list[Matrix], list[Matrix]]:
        point = self.point
        target = np.eye(point.problem.K)[:, ~point.lost]
        D: list[Matrix] = [(point.weights[-1] @ self.H[-1] - target) / point.problem.K]
        B: list[Matrix] = []
        for layer in range(point.L - 1, -1, -1):
            B.insert(0, point.weights[layer].T @ D[0])
            if layer:
                force = 0 if self.forces is None else self.forces[layer - 1]
                D.insert(0, self.slopes[layer - 1] * B[0] + force)
        return D, B

    @property
    def D(self) -> list[Matrix]:
        """∂f/∂Ht_2 .. ∂f/∂Ht_{L+1}."""
        return self._back[0]

    @property
    def B(self) -> list[Matrix]:
        """∂f/∂H_1 .. ∂f/∂H_L."""
        return self._back[1]

    @cached_property
    def gradient(self) -> Vector:
        """Over all variables."""
        point = self.point
        parts = [self.B[0] * self._unit + point.wd[0] * point.y]
        parts += [D @ H.T + lam * W for D, H, lam, W in zip(self.D, self.H, point.wd[1:], point.weights, strict=True)]
        return np.concatenate([part.ravel() for part in parts])

    @property
    def _unit(self) -> float:
        """∂M_1/∂y."""
        return float(1 / np.sqrt(self.point.problem.n))

    def times(self, X: Many, hinged: Masks | None = None) -> Many:
        """Hessian times each row; the slope at `hinged` kinks is 1 for rows that raise them, else 0."""
        return np.concatenate([self._times(X[at : at + _CHUNK], hinged) for at in range(0, len(X), _CHUNK)])

    def _times(self, X: Many, hinged: Masks | None) -> Many:
        point, L, (dH, dZ, slopes) = self.point, self.point.L, self._forward(X, hinged)
        dy, *dW = self._parts(X)
        out: list[Each] = []
        dD = dZ[-1] / point.problem.K
        for layer in range(L - 1, -1, -1):
            H, W, D = self.H[layer], point.weights[layer], self.D[layer]
            out.insert(0, dD @ H.T + D @ dH[layer].swapaxes(1, 2) + point.wd[layer + 1] * dW[layer])
            dB = dW[layer].swapaxes(1, 2) @ D + W.T @ dD
            dD = slopes[layer - 1] * dB if layer else dB
        out.insert(0, dD * self._unit + point.wd[0] * dy)
        return np.concatenate([part.reshape(len(X), -1) for part in out], axis=1)

    def moves(self, X: Many, hinged: Masks | None = None) -> list[Stack]:
        """Derivatives of Ht_2..Ht_L along each row."""
        return self._forward(X, hinged)[1][:-1]

    def _forward(self, X: Many, hinged: Masks | None) -> tuple[list[Each], list[Each], list[Each]]:
        dy, *dW = self._parts(X)
        dH, dZ, slopes = [dy * self._unit], [], []
        for layer in range(self.point.L):
            dZ.append(dW[layer] @ self.H[layer] + self.point.weights[layer] @ dH[layer])
            if layer < self.point.L - 1:
                slope = self.slopes[layer][None]
                slopes.append(slope if hinged is None else np.where(hinged[layer], dZ[-1] > 0, slope))
                dH.append(slopes[-1] * dZ[-1])
        return dH, dZ, slopes

    def _parts(self, X: Many) -> list[Stack]:
        found, at = [], 0
        for rows, columns in self.point.shapes:
            found.append(X[:, at : at + rows * columns].reshape(len(X), rows, columns))
            at += rows * columns
        return found

    def rows(self, masks: Masks) -> Float[np.ndarray, "kinks size"]:
        """Derivatives of the pre-activations of the masks, layer after layer, by all variables."""
        return np.concatenate([np.zeros((0, self.point.size)), *(self._rows(i, q) for i, q in enumerate(masks))])

    def _rows(self, layer: int, mask: Mask) -> Float[np.ndarray, "kinks size"]:
        i, k = np.nonzero(mask)
        point, each = self.point, np.arange(len(i))
        parts = [np.zeros((len(i), *shape)) for shape in point.shapes]
        d = np.eye(mask.shape[0])[i]
        for below in range(layer, -1, -1):
            parts[below + 1] = d[:, :, None] * self.H[below].T[k][:, None, :]
            d = d @ point.weights[below]
            if below:
                d = d * self.slopes[below - 1].T[k]
        parts[0][each, :, k] = d * self._unit
        return np.concatenate([part.reshape(len(i), part.shape[1] * part.shape[2]) for part in parts], axis=1)
