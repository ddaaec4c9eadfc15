"""Steps with noisy gradients, on batches of the samples, or with biases, by PyTorch.

On a batch of B of the N samples the loss is 1/(2B) Σ over the batch of the fit, the weight decay of W_1..W_L, and that
of the batch's own columns of H_1 times N/B: its expectation is the loss of theory sheet section 1. Columns of H_1 that
are not in the batch stay as they are, and so does what the optimiser remembers of them. A sample that is there twice
counts twice. Noise is S ξ on every entry of the gradient of what moves, ξ standard normal (`nccli.dufm.draws`).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from nccli.catalogue.options import BiasName
from nccli.catalogue.runs import StepsBy
from nccli.dufm.arrays import numpy_array
from nccli.dufm.batch import Batch
from nccli.dufm.bias import read_by
from nccli.dufm.draws import Draws
from nccli.dufm.engine import Engine
from nccli.dufm.measurement import Measurement, measure
from nccli.dufm.network import targets
from nccli.dufm.optimizers import FULL_PACE, Pace
from nccli.dufm.parameters import Parameters
from nccli.dufm.steps import Steps
from nccli.dufm.workspace import Workspace
from nccli.training.threads import threads


class NoisyEngine(Engine):
    """Steps of a batch of tensors whose gradients get noise, and whose samples may count more than once.

    Attributes:
        target: Y of the rows, N × K or (runs, rows, K).
        noise: S ξ of X_1, V_1, …, V_L, None for none.
        weight: how often each sample counts, (runs, rows, 1); None for once.
    """

    noise: list[Tensor] | None = None
    weight: Tensor | None = None

    def __init__(self, batch: Batch, target: Tensor) -> None:
        """Take over the batch's tensors, and what their outputs are held to."""
        super().__init__(batch)
        self.target = target

    def step(self, pace: Pace = FULL_PACE) -> None:
        """One step of every run; no gradient carries the step size, so that noise can be added to all alike."""
        work = self._work
        work.set_pace(pace)
        work.set_rate(pace)
        self._backpropagate(work, work.one_over_rows, lambda layer, X_T, D: self._update(layer + 1, X_T, D, pace))
        X, decoupled = self.batch.parameters.features, work.optimizer.decoupled
        gradient = torch.mul(self._dX_1(work), work.share, out=work.gradient(X))
        if not decoupled:
            gradient.addcmul_(X, work.wd[0])
        if self.weight is not None:
            gradient.mul_(self.weight)
        self._apply(0, gradient, pace)

    def _apply(self, index: int, gradient: Tensor, pace: Pace) -> None:
        """Add the noise, and the step size where the optimiser wants it in the gradient."""
        work = self._work
        if self.noise is not None:
            gradient.add_(self.noise[index])
        if work.optimizer.step_in_gradient:
            gradient.mul_(work.rate)
        if index == 0 and self.weight is not None and work.optimizer.decoupled:
            X = work.all[0]
            X.addcmul_(X, work.decay[0] * (self.weight - 1), value=-1)
        super()._apply(index, gradient, pace)

    @cached_property
    def _work(self) -> Workspace:
        return Workspace(self.batch, self.target)


class BiasedEngine(NoisyEngine):
    """The same with biases: weights that have them are a row longer (`nccli.dufm.bias`)."""

    _signal: Tensor

    def _backpropagate(self, work: Workspace, factor: Tensor, emit: Callable[[int, Tensor, Tensor], None]) -> None:
        """As that of `Engine`."""
        X, inputs, last = work.X[0], list[Tensor](), len(work.V) - 1
        for i, V in enumerate(work.V):
            inputs.append(read_by(X, V))
            X = inputs[i] @ V
            if i < last:
                work.sigma[i].forward_(X)
        work.objective.residual_(X, work.Y, factor)
        signal, d = X, work.X[0].shape[2]
        for i in range(last, -1, -1):
            back = signal @ work.V_T[i][:, :, :d]
            emit(i, inputs[i].transpose(1, 2), signal)
            signal = back
            if i > 0:
                work.sigma[i - 1].backward_(signal, inputs[i][:, :, :d])
        self._signal = signal

    def _dX_1(self, work: Workspace) -> Tensor:
        """As that of `Engine`."""
        return self._signal


class OtherSteps(Steps):
    """Steps of runs with noise, batches or biases, on any device."""

    by = StepsBy.TORCH
    torch_version = str(torch.__version__)

    def __init__(self, batch: Batch, device: str = "cpu", number_of_threads: int = 1) -> None:
        """The batch to advance, where, and threads for products on the CPU."""
        self._batch, self._threads = batch, number_of_threads
        self._whole = Engine.of(batch, device).batch
        self._draws = [Draws(config) for config in batch.configs]
        self._size = batch.configs[0].batch_size
        like = self._whole.parameters.features
        self._part = self._whole if self._size is None else _part(self._whole, self._size)
        self._Y = torch.from_numpy(targets(batch.configs[0], batch.rows)).to(like)
        rows = (len(batch.configs), self._size, batch.configs[0].K)
        engine = NoisyEngine if batch.configs[0].bias == BiasName.NONE else BiasedEngine
        self._engine = engine(self._part, self._Y if self._size is None else like.new_zeros(rows))
        scales = [config.noise_scale for config in batch.configs]
        self._scale = torch.tensor(scales, dtype=torch.float64).to(like) if any(scales) else None
        self._shapes = [tuple(p.shape[1:]) for p in self._part.parameters.all]

    @torch.no_grad()
    def advance(self, first: int, count: int) -> None:
        """See `Steps.advance`."""
        paces = self._batch.configs[0].paces(first, count)
        with threads(self._threads):
            torch.set_flush_denormal(True)
            try:
                for i in range(count):
                    self._step(first + i, FULL_PACE if paces is None else paces[i].tolist())
            finally:
                torch.set_flush_denormal(False)

    def sync(self) -> None:
        """See `Steps.sync`."""
        for here, there in zip(self._batch.held, self._whole.held, strict=True):
            for array, tensor in zip(here.stored, there.stored, strict=True):
                array[...] = numpy_array(tensor)

    def measure(self) -> Measurement:
        """See `Steps.measure`: of the loss of all samples, without noise."""
        return measure(self._whole)

    def _step(self, step: int, pace: Pace) -> None:
        places = None if self._size is None else self._take(step)
        self._engine.noise = None if self._scale is None else self._noise(step, places)
        self._engine.step(pace)
        if places is not None:
            for whole, part in zip(self._whole.held, self._part.held, strict=True):
                whole.features.scatter_(1, _index(places, whole.features), part.features)

    def _take(self, step: int) -> Tensor:
        """Copy the samples of a step into the engine's own rows; their places, (runs, B)."""
        drawn = np.stack([draws.samples(step) for draws in self._draws])
        places = torch.from_numpy(drawn).to(self._Y.device)
        for whole, part in zip(self._whole.held, self._part.held, strict=True):
            torch.gather(whole.features, 1, _index(places, whole.features), out=part.features)
        self._engine.target.copy_(self._Y[places])
        twice = [len(set(row)) < len(row) for row in drawn.tolist()]
        counts = (places[:, :, None] == places[:, None]).sum(dim=2, keepdim=True) if any(twice) else None
        self._engine.weight = None if counts is None else counts.to(self._Y)
        return places

    def _noise(self, step: int, places: Tensor | None) -> list[Tensor]:
        """S ξ of every parameter that moves; a sample that is there twice has one ξ."""
        assert self._scale is not None
        drawn = zip(*(draws.noise(step, self._shapes) for draws in self._draws), strict=True)
        found = [torch.from_numpy(np.stack(each)).to(self._Y.device) * self._scale[:, None, None] for each in drawn]
        if places is not None and self._engine.weight is not None:
            first = (places[:, :, None] == places[:, None]).to(torch.uint8).argmax(dim=2)
            found[0] = torch.gather(found[0], 1, _index(first, found[0]))
        return found


def _part(whole: Batch, size: int) -> Batch:
    """So many rows of the features and all weights, these as they are; λ_{H_1} has its factor N/B."""
    factor = whole.rows / size
    configs = tuple(replace(config, wd_h1=config.wd_h1 * factor) for config in whole.configs)

    def part(p: Parameters) -> Parameters:
        return Parameters(p.features.new_zeros(len(configs), size, p.features.shape[2]), p.hidden, p.last)

    return Batch(configs, part(whole.parameters), tuple(part(moment) for moment in whole.moments))


def _index(places: Tensor, like: Tensor) -> Tensor:
    return places[:, :, None].expand(-1, -1, like.shape[2])
