"""Many DUFMs of one shape as one batched program, with gradients written out by hand.

Layout: features (runs, N, d) and weights (runs, in, out), so that the contiguous axis is the width. With X_l = H_lᵀ
and V_l = W_lᵀ the network is X_{l+1} = σ(X_l V_l), output X_L V_L, and with E = (X_L V_L − Y)/N

    ∂V_L = X_Lᵀ E + λ_{W_L} V_L,     D_L = (E V_Lᵀ) ⊙ σ',
    ∂V_l = X_lᵀ D_{l+1} + λ_{W_l} V_l,     D_l = (D_{l+1} V_lᵀ) ⊙ σ',     ∂X_1 = D_2 V_1ᵀ + λ_{H_1} X_1.

The same program holds a collapsed point by one row a class (theory sheet, section 1): E has the factor 1/K, and ∂X_1
of each of the n samples behind a row is D_2 V_1ᵀ/n + λ_{H_1} X_1.

A step writes only into buffers that exist. In plain gradient descent E carries the run's step size, so that one
`baddbmm_` a layer both forms the gradient and applies it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nccli.catalogue.stages import stages
from nccli.dufm.activation import Relu
from nccli.dufm.config import DufmConfig
from nccli.dufm.initial import initial_point
from nccli.dufm.optimizer import Pace
from nccli.dufm.parameters import Parameters, moment_count
from nccli.dufm.workspace import STEADY, Workspace


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Loss and gradient norm of every run of a batch."""

    fit: Float[Tensor, " runs"]
    reg: Float[Tensor, " runs"]
    grad_norm: Float[Tensor, " runs"]


class Engine:
    """State and step of a batch of runs that agree in `DufmConfig.batch_key`."""

    def __init__(
        self,
        configs: Sequence[DufmConfig],
        parameters: Parameters,
        moments: Sequence[Parameters] | None = None,
        reduced: bool = False,
    ) -> None:
        """Take over the parameters and moments; they are changed in place.

        Args:
            configs: of the runs.
            parameters: where they are.
            moments: what the optimiser remembers, None at the start of a run.
            reduced: whether a row of the features stands for all n samples of a class.
        """
        self.configs = tuple(configs)
        self.parameters = parameters
        self.reduced = reduced
        first = self.configs[0]
        wanted = moment_count(first)
        self.moments = tuple(moments or (parameters.each(torch.zeros_like) for _ in range(wanted)))
        self.rows = parameters.features.shape[1]
        self.copies = first.n if reduced else 1

    @classmethod
    def start(cls, configs: Sequence[DufmConfig], device: str) -> "Engine":
        """Put the runs' initial points on a device."""
        dtype = getattr(torch, configs[0].dtype)
        drawn = [initial_point(config) for config in configs]

        def stack(index: int, dim: int) -> Tensor:
            return torch.stack([torch.from_numpy(point[index]).to(dtype) for point in drawn], dim=dim).to(device)

        return cls(configs, Parameters(stack(0, 0), stack(1, 1), stack(2, 0)))

    @classmethod
    def join(cls, engines: "Sequence[Engine]") -> "Engine":
        """All runs of several engines of one form in one."""

        def joined(parts: Sequence[Parameters]) -> Parameters:
            stacks = ([getattr(part, name) for part in parts] for name in ("features", "hidden", "last"))
            return Parameters(*(torch.cat(stack, dim=dim) for stack, dim in zip(stacks, (0, 1, 0), strict=True)))

        moments = [joined(parts) for parts in zip(*(engine.moments for engine in engines), strict=True)]
        configs = [config for engine in engines for config in engine.configs]
        return cls(configs, joined([engine.parameters for engine in engines]), moments, engines[0].reduced)

    def double(self) -> "Engine":
        """The same point in float64, as an engine of its own: for evaluation free of rounding."""
        return Engine(
            self.configs, self.parameters.each(_doubled), [m.each(_doubled) for m in self.moments], self.reduced
        )

    def select(self, runs: Sequence[int]) -> "Engine":
        """An engine with copies of some of the runs, in the given order."""
        index = torch.tensor(runs, device=self.parameters.features.device)
        moments = [each.runs(index) for each in self.moments]
        return Engine([self.configs[i] for i in runs], self.parameters.runs(index), moments, self.reduced)

    def collapsed(self) -> "Engine":
        """The reduced form at the class means of the features, and of what the optimiser remembers of them."""
        first = self.configs[0]

        def means(p: Parameters) -> Parameters:
            by_class = p.features.view(-1, first.K, first.n, first.width)
            return Parameters(by_class.mean(dim=2), p.hidden.clone(), p.last.clone())

        return Engine(self.configs, means(self.parameters), [means(m) for m in self.moments], reduced=True)

    def step(self, pace: Pace = STEADY) -> None:
        """One step of every run, in place."""
        work = self._work
        if work.optimizer is None:
            work.set_pace(pace)
            self._backpropagate(work, work.rate_over_rows, self._descend)
            features = self.parameters.features
            features.addcmul_(features, work.decay[0], value=-1).sub_(self._dX_1(work), alpha=1 / self.copies)
            return
        work.set_rate(pace)
        self._backpropagate(work, work.one_over_rows, lambda layer, X_T, D: self._update(layer + 1, X_T, D, pace))
        self._apply(0, self._features_gradient(work), pace)

    def advance(self, count: int, paces: Sequence[Pace] | None = None) -> None:
        """Take so many steps. Subnormals count as zero: weights that decay to zero would slow every product down.

        Args:
            count: how many.
            paces: one a step; None for full pace throughout.
        """
        torch.set_flush_denormal(True)
        try:
            for i in range(count):
                self.step(STEADY if paces is None else paces[i])
        finally:
            torch.set_flush_denormal(False)

    def evaluate(self) -> Evaluation:
        """Fit, regularisation and gradient norm of every run at the present point; changes nothing but buffers.

        All are those of the n-sample problem, in the reduced form too.
        """
        by_weight, by_features = self.gradients()
        work = self._work
        grad_sq = torch.stack([_square_sum(g) for g in by_weight]).sum(0) + self.copies * _square_sum(by_features)
        residual = torch.bmm(work.X[-1], self.parameters.last) - work.Y
        reg = 0.5 * self.copies * work.wd[0].flatten() * _square_sum(self.parameters.features)
        for V, wd in zip(work.V, work.wd[1:], strict=True):
            reg = reg + 0.5 * wd.flatten() * _square_sum(V)
        return Evaluation(_square_sum(residual) / (2 * self.rows), reg, grad_sq.sqrt())

    def gradients(self) -> tuple[list[Tensor], Tensor]:
        """∂loss/∂V_1..V_L and ∂loss/∂X_1 (of each sample behind a row) of every run, freshly allocated."""
        found: dict[int, Tensor] = {}
        work = self._work

        def collect(layer: int, input_T: Tensor, D: Tensor) -> None:
            found[layer] = torch.baddbmm(work.V[layer] * work.wd[layer + 1], input_T, D)

        self._backpropagate(work, work.one_over_rows, collect)
        return [found[i] for i in range(len(found))], self._features_gradient(work).clone()

    def stages(self) -> list[tuple[int, str, Float[Tensor, "runs N d"]]]:
        """Features of every layer and stage, in the order of `nccli.catalogue.stages.stages`; freshly allocated."""
        work = self._work
        found = {(1, "post"): work.X[0].clone()}
        for i, sigma in enumerate(work.sigma):
            z = torch.bmm(found[i + 1, "post"], work.V[i])
            found[i + 2, "pre"] = z.clone()
            sigma.forward_(z)
            found[i + 2, "post"] = z
        return [(layer, stage, found[layer, stage]) for layer, stage in stages(len(work.V))]

    def has_kink(self, layer: int) -> bool:
        """Whether H_layer is made by ReLU."""
        return isinstance(self._work.sigma[layer - 2], Relu)

    def labels(self) -> Int[Tensor, " N"]:
        """Class of each row."""
        K = self.configs[0].K
        return torch.arange(K, device=self.parameters.features.device).repeat_interleave(self.rows // K)

    @cached_property
    def _work(self) -> Workspace:
        return Workspace(self.configs, self.parameters, self.moments)

    def _descend(self, layer: int, input_T: Tensor, D: Tensor) -> None:
        """Form the gradient of a layer, weight decay included, and apply it; D carries the step size."""
        work = self._work
        V = work.V[layer]
        V.addcmul_(V, work.decay[layer + 1], value=-1).baddbmm_(input_T, D, alpha=-1)

    def _update(self, index: int, input_T: Tensor, D: Tensor, pace: Pace) -> None:
        """Form the gradient of V_index and hand it to the optimiser."""
        work = self._work
        V = work.V[index - 1]
        self._apply(index, torch.mul(V, work.wd[index], out=work.gradient(V)).baddbmm_(input_T, D), pace)

    def _apply(self, index: int, gradient: Tensor, pace: Pace) -> None:
        """Change the index-th of X_1, V_1, …, V_L by the optimiser's rule."""
        work = self._work
        assert work.optimizer is not None
        work.optimizer.update_(work.all[index], gradient, work.moments[index], work.rate, pace)

    def _features_gradient(self, work: Workspace) -> Tensor:
        """∂loss/∂X_1 of each sample behind a row, in a buffer, after `_backpropagate` with factor 1/rows."""
        X = self.parameters.features
        return torch.mul(X, work.wd[0], out=work.gradient(X)).add_(self._dX_1(work), alpha=1 / self.copies)

    def _dX_1(self, work: Workspace) -> Tensor:
        """D_2 V_1ᵀ of the latest `_backpropagate`, with its factor."""
        return work.D[(len(work.V) - 1) % 2]

    def _backpropagate(self, work: Workspace, factor: Tensor, emit: Callable[[int, Tensor, Tensor], None]) -> None:
        """Forward and backward pass; calls emit(l−1, X_lᵀ, D_{l+1}) from layer L down, once V_l is no longer needed.

        Args:
            work: buffers.
            factor: what (X_L V_L − Y) is multiplied by, (runs, 1, 1); every D carries it.
            emit: forms the gradient X_lᵀ D_{l+1} and may overwrite V_l.
        """
        X, V, V_T, D = work.X, work.V, work.V_T, work.D
        last = len(V) - 1
        for i in range(last):
            torch.bmm(X[i], V[i], out=X[i + 1])
            work.sigma[i].forward_(X[i + 1])
        torch.bmm(X[last], V[last], out=work.E)
        work.E.sub_(work.Y).mul_(factor)
        signal, turn = work.E, 0
        for i in range(last, -1, -1):
            torch.bmm(signal, V_T[i], out=D[turn])
            emit(i, work.X_T[i], signal)
            signal, turn = D[turn], 1 - turn
            if i > 0:
                work.sigma[i - 1].backward_(signal, X[i])


def _doubled(t: Tensor) -> Tensor:
    return t.to(torch.float64, copy=True)


def _square_sum(t: Float[Tensor, "runs a b"]) -> Float[Tensor, " runs"]:
    return t.square().sum(dim=(1, 2))
