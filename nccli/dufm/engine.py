"""The steps of a batch by PyTorch, as one program with gradients written out by hand.

The formulas are those of `nccli.dufm.network`. A step writes only into buffers that exist. Where the optimiser wants
the step size in the gradient, E carries each run's own, so that one `baddbmm_` a layer both forms the gradient and
applies it.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from nccli.dufm.batch import Batch
from nccli.dufm.optimizers import FULL_PACE, Pace
from nccli.dufm.workspace import Workspace


class Engine:
    """Steps of a batch of PyTorch tensors, in place."""

    def __init__(self, batch: Batch) -> None:
        """Take over the batch's tensors; they are changed in place."""
        self.batch = batch

    @classmethod
    def of(cls, batch: Batch, device: str = "cpu") -> "Engine":
        """Of NumPy arrays; on the CPU the memory is shared, so that steps move the batch itself."""
        return cls(batch.each(lambda array: torch.from_numpy(array).to(device)))

    def step(self, pace: Pace = FULL_PACE) -> None:
        """One step of every run."""
        work = self._work
        work.set_pace(pace)
        if work.optimizer.step_in_gradient:
            self._backpropagate(work, work.rate_over_rows, self._descend)
            features = self.batch.parameters.features
            features.addcmul_(features, work.decay[0], value=-1).sub_(self._dX_1(work), alpha=work.share)
            return
        self._backpropagate(work, work.one_over_rows, lambda layer, X_T, D: self._update(layer + 1, X_T, D, pace))
        X, dX = self.batch.parameters.features, self._dX_1(work)
        if work.optimizer.decoupled:
            gradient = torch.mul(dX, work.share, out=work.gradient(X))
        else:
            gradient = torch.mul(X, work.wd[0], out=work.gradient(X)).add_(dX, alpha=work.share)
        self._apply(0, gradient, pace)

    @torch.no_grad()
    def advance(self, count: int, paces: Sequence[Pace] | None = None) -> None:
        """Take so many steps. Subnormals count as zero: weights that decay to zero would slow every product down.

        Args:
            count: how many.
            paces: one a step; None for full pace throughout.
        """
        torch.set_flush_denormal(True)
        try:
            for i in range(count):
                self.step(FULL_PACE if paces is None else paces[i])
        finally:
            torch.set_flush_denormal(False)

    @cached_property
    def _work(self) -> Workspace:
        return Workspace(self.batch)

    def _descend(self, layer: int, input_T: Tensor, D: Tensor) -> None:
        """Form the gradient of a layer, weight decay included, and apply it; D carries the step size."""
        work = self._work
        V = work.V[layer]
        V.addcmul_(V, work.decay[layer + 1], value=-1).baddbmm_(input_T, D, alpha=-1)

    def _update(self, index: int, input_T: Tensor, D: Tensor, pace: Pace) -> None:
        """Form the gradient of V_index and hand it to the optimiser."""
        work = self._work
        V = work.V[index - 1]
        if work.optimizer.decoupled:
            gradient = torch.bmm(input_T, D, out=work.gradient(V))
        else:
            gradient = torch.mul(V, work.wd[index], out=work.gradient(V)).baddbmm_(input_T, D)
        self._apply(index, gradient, pace)

    def _apply(self, index: int, gradient: Tensor, pace: Pace) -> None:
        """Change the index-th of X_1, V_1, …, V_L by the optimiser's rule."""
        work = self._work
        momentum, p = self.batch.configs[0].momentum, work.all[index]
        if work.optimizer.decoupled:
            p.addcmul_(p, work.decay[index], value=-1)
        work.optimizer.update_(p, gradient, work.moments[index], work.rate, momentum, pace)

    def _dX_1(self, work: Workspace) -> Tensor:
        """D_2 V_1ᵀ of the latest `_backpropagate`, with its factor; in one sample, but for `Workspace.share`."""
        return work.in_one_sample(work.D[(len(work.V) - 1) % 2])

    def _backpropagate(self, work: Workspace, factor: Tensor, emit: Callable[[int, Tensor, Tensor], None]) -> None:
        """Forward and backward pass; calls emit(l−1, X_lᵀ, D_{l+1}) from layer L down, once V_l is no longer needed.

        Args:
            work: buffers.
            factor: what ∂ℓ/∂output is multiplied by, (runs, 1, 1) or (runs, rows, 1); every D carries it.
            emit: forms the gradient X_lᵀ D_{l+1} and may overwrite V_l.
        """
        X, V, V_T, D = work.X, work.V, work.V_T, work.D
        last = len(V) - 1
        for i in range(last):
            torch.bmm(X[i], V[i], out=X[i + 1])
            work.sigma[i].forward_(X[i + 1])
        torch.bmm(X[last], V[last], out=work.E)
        work.objective.residual_(work.E, work.Y, factor)
        signal, turn = work.E, 0
        for i in range(last, -1, -1):
            torch.bmm(signal, V_T[i], out=D[turn])
            emit(i, work.X_T[i], signal)
            signal, turn = D[turn], 1 - turn
            if i > 0:
                work.sigma[i - 1].backward_(signal, X[i])
