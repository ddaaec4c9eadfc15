"""Many DUFMs of one shape as one batched program, with gradients written out by hand.

Layout: features (runs, N, d) and weights (runs, in, out), so that the contiguous axis is the width. With X_l = H_lᵀ
and V_l = W_lᵀ the network is X_{l+1} = σ(X_l V_l), output X_L V_L, and with E = (X_L V_L − Y)/N

    ∂V_L = X_Lᵀ E + λ_{W_L} V_L,     D_L = (E V_Lᵀ) ⊙ σ',
    ∂V_l = X_lᵀ D_{l+1} + λ_{W_l} V_l,     D_l = (D_{l+1} V_lᵀ) ⊙ σ',     ∂X_1 = D_2 V_1ᵀ + λ_{H_1} X_1.

A step writes only into buffers that exist; E carries the run's step size, so that one `baddbmm_` a layer both forms the
gradient and applies it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nccli.dufm.activation import make_activation
from nccli.dufm.config import DufmConfig
from nccli.dufm.initial import initial_point
from nccli.dufm.result import stages


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Loss and gradient norm of every run of a batch."""

    fit: Float[Tensor, " runs"]
    reg: Float[Tensor, " runs"]
    grad_norm: Float[Tensor, " runs"]


@dataclass(frozen=True, eq=False)
class Parameters:
    """X_1 = H_1ᵀ (runs, N, d), V_1..V_{L−1} (L−1, runs, d, d) and V_L (runs, d, K) of a batch, V_l = W_lᵀ."""

    features: Float[Tensor, "runs N d"]
    hidden: Float[Tensor, "hidden runs d d"]
    last: Float[Tensor, "runs d K"]


class Engine:
    """State and step of a batch of runs that agree in `DufmConfig.batch_key`."""

    def __init__(self, configs: Sequence[DufmConfig], parameters: Parameters) -> None:
        """Take over the parameters (they are changed in place) and allocate every buffer a step needs."""
        self.configs = tuple(configs)
        self.parameters = parameters
        first = self.configs[0]
        runs, N, _ = parameters.features.shape
        like = parameters.features
        self._N = N

        def per_run(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float64).to(like).view(runs, 1, 1)

        self._lr_over_N = per_run([c.lr / N for c in configs])
        self._wd_h1 = per_run([c.wd_h1 for c in configs])
        self._wd_layers = [per_run([c.wd_layers[i] for c in configs]) for i in range(first.L)]
        self._keep_h1 = per_run([1 - c.lr * c.wd_h1 for c in configs])
        self._keep_layers = [per_run([1 - c.lr * c.wd_layers[i] for c in configs]) for i in range(first.L)]

        self._weights = [*parameters.hidden.unbind(0), parameters.last]
        self._weights_T = [V.transpose(1, 2) for V in self._weights]
        self._X = [parameters.features, *(torch.empty_like(like) for _ in range(first.L - 1))]
        self._X_T = [X.transpose(1, 2) for X in self._X]
        self._sigma = [
            make_activation(first.activation, first.epsilon, i == first.L, like) for i in range(2, first.L + 1)
        ]
        self._E = like.new_empty(runs, N, first.K)
        self._D = (torch.empty_like(like), torch.empty_like(like))
        self._Y = torch.eye(first.K, dtype=like.dtype, device=like.device).repeat_interleave(first.n, dim=0)

    @classmethod
    def start(cls, configs: Sequence[DufmConfig], device: str) -> "Engine":
        """Put the runs' initial points on a device."""
        dtype = getattr(torch, configs[0].dtype)
        drawn = [initial_point(config) for config in configs]

        def stack(index: int, dim: int) -> Tensor:
            return torch.stack([torch.from_numpy(point[index]).to(dtype) for point in drawn], dim=dim).to(device)

        return cls(configs, Parameters(stack(0, 0), stack(1, 1), stack(2, 0)))

    def double(self) -> "Engine":
        """The same point in float64, as an engine of its own: for evaluation free of rounding."""
        p = self.parameters
        copied = (t.to(torch.float64, copy=True) for t in (p.features, p.hidden, p.last))
        return Engine(self.configs, Parameters(*copied))

    def select(self, runs: Sequence[int]) -> "Engine":
        """An engine with some of the runs, in the given order."""
        p = self.parameters
        index = torch.tensor(runs, device=p.features.device)
        chosen = Parameters(p.features[index], p.hidden[:, index], p.last[index])
        return Engine([self.configs[i] for i in runs], chosen)

    def step(self) -> None:
        """One gradient step of every run, in place."""
        self._backpropagate(self._lr_over_N, self._descend)
        features = self.parameters.features
        features.mul_(self._keep_h1).sub_(self._dX_1)

    def evaluate(self) -> Evaluation:
        """Fit, regularisation and gradient norm of every run at the present point; changes nothing but buffers."""
        by_weight, by_features = self.gradients()
        grad_sq = torch.stack([_square_sum(g) for g in (*by_weight, by_features)]).sum(0)
        residual = torch.bmm(self._X[-1], self.parameters.last) - self._Y
        reg = 0.5 * self._wd_h1.flatten() * _square_sum(self.parameters.features)
        for V, wd in zip(self._weights, self._wd_layers, strict=True):
            reg = reg + 0.5 * wd.flatten() * _square_sum(V)
        return Evaluation(_square_sum(residual) / (2 * self._N), reg, grad_sq.sqrt())

    def gradients(self) -> tuple[list[Tensor], Tensor]:
        """∂loss/∂V_1..V_L and ∂loss/∂X_1 of every run, freshly allocated."""
        found: dict[int, Tensor] = {}

        def collect(layer: int, input_T: Tensor, D: Tensor) -> None:
            found[layer] = torch.baddbmm(self._weights[layer] * self._wd_layers[layer], input_T, D)

        self._backpropagate(torch.full_like(self._lr_over_N, 1 / self._N), collect)
        return [found[i] for i in range(len(found))], self._dX_1 + self._wd_h1 * self.parameters.features

    def stages(self) -> list[tuple[int, str, Float[Tensor, "runs N d"]]]:
        """Features of every layer and stage, in the order of `nccli.dufm.result.stages`; freshly allocated."""
        found = {(1, "post"): self._X[0].clone()}
        for i, sigma in enumerate(self._sigma):
            z = torch.bmm(found[i + 1, "post"], self._weights[i])
            found[i + 2, "pre"] = z.clone()
            sigma.forward_(z)
            found[i + 2, "post"] = z
        return [(layer, stage, found[layer, stage]) for layer, stage in stages(len(self._weights))]

    def labels(self) -> Int[Tensor, " N"]:
        """Class of each sample."""
        return self._Y.argmax(dim=1)

    def advance(self, count: int) -> None:
        """Take so many steps. Subnormals count as zero: weights that decay to zero would slow every product down."""
        torch.set_flush_denormal(True)
        try:
            for _ in range(count):
                self.step()
        finally:
            torch.set_flush_denormal(False)

    def _descend(self, layer: int, input_T: Tensor, D: Tensor) -> None:
        """Form the gradient of a layer, weight decay included, and apply it; D carries the step size."""
        self._weights[layer].mul_(self._keep_layers[layer]).baddbmm_(input_T, D, alpha=-1)

    @property
    def _dX_1(self) -> Tensor:
        """D_2 V_1ᵀ of the latest `_backpropagate`, with its factor."""
        return self._D[(len(self._weights) - 1) % 2]

    def _backpropagate(self, factor: Tensor, emit: Callable[[int, Tensor, Tensor], None]) -> None:
        """Forward and backward pass; calls emit(l−1, X_lᵀ, D_{l+1}) from layer L down, once V_l is no longer needed.

        Args:
            factor: what (X_L V_L − Y) is multiplied by, (runs, 1, 1); every D carries it.
            emit: forms the gradient X_lᵀ D_{l+1} and may overwrite V_l.
        """
        X, V, V_T, D = self._X, self._weights, self._weights_T, self._D
        last = len(V) - 1
        for i in range(last):
            torch.bmm(X[i], V[i], out=X[i + 1])
            self._sigma[i].forward_(X[i + 1])
        torch.bmm(X[last], V[last], out=self._E)
        self._E.sub_(self._Y).mul_(factor)
        signal, turn = self._E, 0
        for i in range(last, -1, -1):
            torch.bmm(signal, V_T[i], out=D[turn])
            emit(i, self._X_T[i], signal)
            signal, turn = D[turn], 1 - turn
            if i > 0:
                self._sigma[i - 1].backward_(signal, X[i])


def _square_sum(t: Float[Tensor, "runs a b"]) -> Float[Tensor, " runs"]:
    return t.square().sum(dim=(1, 2))
