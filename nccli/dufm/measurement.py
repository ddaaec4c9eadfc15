"""Measuring a batch on its way: loss, gradient, collapse and rank of every run, batched, in float64, on the device."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from nccli.dufm.engine import Engine
from nccli.metrics import RANK_RTOL, ZERO_FLOOR

_CHUNK_BYTES = 2**25
_CHUNK_BYTES_CUDA = 2**29  # few large launches


@dataclass(frozen=True, eq=False)
class Measurement:
    """Of every run of a batch at one step; stages are in the order of `nccli.catalogue.stages.stages`.

    Attributes:
        fit, reg, grad_norm: of the DUFM, theory sheet section 1.
        dnc1: tr Σ_W / tr Σ_B, as `nccli.metrics.dnc1`.
        rank: of the class means, as `nccli.metrics.numerical_rank`; 0 where the run is not finite.
        deviation: ‖H − class means‖_F / ‖H‖_F, the largest of all stages; with momentum also that of (1 − β)/λ_{H_1}
            times the memory of H_1, over ‖H_1‖_F, which is what it makes of H_1 in the end.
        aligned: whether the samples of each class are on the same side of every kink of ReLU (ReLU_ε has none).
        finite: whether all of these are numbers.
    """

    fit: Float[np.ndarray, " runs"]
    reg: Float[np.ndarray, " runs"]
    grad_norm: Float[np.ndarray, " runs"]
    dnc1: Float[np.ndarray, "runs stages"]
    rank: Int[np.ndarray, "runs stages"]
    deviation: Float[np.ndarray, " runs"]
    aligned: Bool[np.ndarray, " runs"]
    finite: Bool[np.ndarray, " runs"]


def measure(engine: Engine) -> Measurement:
    """Measure all runs, a few at a time so that the float64 copies stay small."""
    first, runs = engine.configs[0], len(engine.configs)
    numbers = 6 * first.L * (engine.rows * first.width + first.width**2)
    room = _CHUNK_BYTES_CUDA if engine.parameters.features.device.type == "cuda" else _CHUNK_BYTES
    chunk = max(1, room // (8 * numbers))
    parts = [_measure(engine.select(range(i, min(i + chunk, runs))).double()) for i in range(0, runs, chunk)]
    return Measurement(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Measurement)))


def _measure(engine: Engine) -> Measurement:
    evaluation = engine.evaluate()
    shape = (-1, engine.configs[0].K, engine.rows // engine.configs[0].K, engine.configs[0].width)
    stages = engine.stages()
    by_class = [X.view(shape) for _, _, X in stages]
    kinked = [X.view(shape) > 0 for layer, stage, X in stages if stage == "pre" and engine.has_kink(layer)]
    split = [(on.any(dim=2) & ~on.all(dim=2)).flatten(1).any(dim=1) for on in kinked]
    aligned = ~torch.stack(split).any(dim=0) if split else torch.ones(len(engine.configs), dtype=torch.bool)
    dnc1, grams, deviation = [], [], []
    for X in by_class:
        within, means = _within(X)
        centred = means - means.mean(dim=1, keepdim=True)
        dnc1.append(within / (X.shape[2] * centred.square().sum(dim=(1, 2))))
        grams.append(means @ means.transpose(1, 2))
    totals = [X.square().sum(dim=(1, 2, 3)) for X in by_class]
    for X, total in zip((*by_class, *_memory(engine, shape)), (*totals, totals[0]), strict=False):
        deviation.append(torch.where(total > 0, _within(X)[0] / total, 0.0).sqrt())
    gram = torch.stack(grams, dim=1)
    losses = torch.stack([evaluation.fit, evaluation.reg, evaluation.grad_norm], dim=1)
    finite = losses.isfinite().all(dim=1) & gram.isfinite().flatten(1).all(dim=1)
    rank = gram_rank(torch.where(finite[:, None, None, None], gram, 0.0))
    fit, reg, grad_norm = (t.cpu().numpy() for t in losses.unbind(1))
    return Measurement(
        fit,
        reg,
        grad_norm,
        torch.stack(dnc1, dim=1).cpu().numpy(),
        rank.cpu().numpy(),
        torch.stack(deviation, dim=1).amax(dim=1).cpu().numpy(),
        aligned.cpu().numpy(),
        finite.cpu().numpy(),
    )


def _memory(engine: Engine, shape: tuple[int, ...]) -> list[Tensor]:
    """What momentum remembers of H_1, in the unit of H_1."""
    first = engine.configs[0]
    if first.optimizer not in ("heavy-ball", "nesterov"):
        return []
    factors = [(1 - config.momentum) / config.wd_h1 for config in engine.configs]
    (memory,) = engine.moments
    scaled = memory.features * torch.tensor(factors, dtype=torch.float64, device=memory.features.device)[:, None, None]
    return [scaled.view(shape)]


def gram_rank(gram: Float[Tensor, "*batch K K"]) -> Int[Tensor, "*batch"]:
    """Numerical rank of matrices M from their Gram matrices M Mᵀ in float64, as `nccli.metrics.numerical_rank` of M.

    Squaring costs half of the digits; the tolerance is far above what is left.
    """
    squares: Tensor = torch.linalg.eigvalsh(gram)
    threshold = (RANK_RTOL**2 * squares[..., -1:]).clamp_min(ZERO_FLOOR**2)
    return (squares > threshold).sum(dim=-1)


def _within(X: Float[Tensor, "runs K n d"]) -> tuple[Float[Tensor, " runs"], Float[Tensor, "runs K d"]]:
    """Squared distance to the class means, and those; exactly 0 where the samples of a class are equal."""
    base = X[:, :, :1]
    offset = X - base
    shift = offset.mean(dim=2, keepdim=True)
    return (offset - shift).square().sum(dim=(1, 2, 3)), (base + shift).squeeze(2)
