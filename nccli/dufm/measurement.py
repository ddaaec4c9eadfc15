"""Measuring a batch on its way: loss, gradient, collapse and rank of every run, in float64, where the batch lies.

Measured (processor time, K 10, L 4, d 30, on a busy machine): at the points of `nccli.training.measure_points` at most
9 % of 50,000 steps with n 10 and 20 % with n 1, 1 and 3 % of 500,000.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Int
from threadpoolctl import ThreadpoolController

from nccli.catalogue.stages import stages
from nccli.dufm.activation import has_kink
from nccli.dufm.arrays import Array, library, numpy_array
from nccli.dufm.batch import Batch
from nccli.dufm.class_rows import class_blocks
from nccli.dufm.network import Network, per_run
from nccli.metrics import numerical_rank

_CHUNK_BYTES = 2**21
"""Measured: float64 copies of this size stay in a core's cache; ones of 2**25 took up to a third longer."""

_SHARED_BYTES = 2**24
"""A taste: runs that need more are measured one by one; NumPy's products use all cores for them."""

_CHUNK_BYTES_CUDA = 2**29
"""A taste: few large launches."""


ClassArray = Float[Array, "runs stages _ _ d"]
"""Samples of classes of one size."""


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
        spectra: singular values of the class means, largest first, to half of the digits.
        negative_share: of the class means before each activation, as `nccli.metrics.negative_share`.
    """

    fit: Float[np.ndarray, " runs"]
    reg: Float[np.ndarray, " runs"]
    grad_norm: Float[np.ndarray, " runs"]
    dnc1: Float[np.ndarray, "runs stages"]
    rank: Int[np.ndarray, "runs stages"]
    deviation: Float[np.ndarray, " runs"]
    aligned: Bool[np.ndarray, " runs"]
    finite: Bool[np.ndarray, " runs"]
    spectra: Float[np.ndarray, "runs stages K"]
    negative_share: Float[np.ndarray, "runs layers"]

    def run(self, place: int) -> "Measurement":
        """Of one of the runs alone."""
        return Measurement(*(getattr(self, field.name)[place : place + 1] for field in fields(self)))


def measure(batch: Batch, workers: int = 1) -> Measurement:
    """Measure all runs, a few at a time so that the float64 copies stay small.

    Args:
        batch: at the point to measure; it is not changed.
        workers: cores to use for what lies on the CPU.
    """
    first, runs = batch.configs[0], len(batch.configs)
    numbers = 6 * first.L * (batch.rows * first.width + first.width**2)
    here = not getattr(batch.parameters.features, "is_cuda", False)
    small = here and 8 * numbers < _SHARED_BYTES
    chunk = max(1, (_CHUNK_BYTES if here else _CHUNK_BYTES_CUDA) // (8 * numbers))
    parts = [slice(i, min(i + chunk, runs)) for i in range(0, runs, chunk)]
    with _blas().limit(limits=1, user_api="blas") if small else nullcontext():
        if small and workers > 1 and len(parts) > 1:
            with ThreadPoolExecutor(workers) as pool:
                found = list(pool.map(lambda part: _measure(batch.slice(part).double()), parts))
        else:
            found = [_measure(batch.slice(part).double()) for part in parts]
    return Measurement(*(np.concatenate([getattr(part, f.name) for part in found]) for f in fields(Measurement)))


@cache
def _blas() -> ThreadpoolController:
    """NumPy's products: measured, their own threads wait for each other in small ones, at three times the work."""
    return ThreadpoolController()


def _measure(batch: Batch) -> Measurement:
    with _without_warnings():
        runs = len(batch.configs)
        network = Network(batch)
        xp = library(batch.parameters.features)
        stacked = xp.stack(network.stages(), axis=1)
        by_class = _by_class(batch, stacked)
        within, means = _within(by_class)
        dnc1 = within / _between(by_class, means)
        gram = means @ means.swapaxes(2, 3)
        losses = xp.stack([network.fit(), network.reg(), network.grad_norm()], axis=1)
        total = _square_sum(stacked)
        memory = _memory(batch)
        if memory is not None:
            within = xp.concatenate([within, _within(_by_class(batch, memory[:, None]))[0]], axis=1)
            total = xp.concatenate([total, total[:, :1]], axis=1)
        share = xp.where(total > 0, within / xp.where(total > 0, total, 1.0), 0.0)
        fit, reg, grad_norm = numpy_array(losses).T
        gram = numpy_array(gram) if xp is np else gram
        finite = numpy_array(xp.isfinite(losses).all(axis=1) & xp.isfinite(gram).reshape(runs, -1).all(axis=1))
        spectra = gram_spectra(xp.where(xp.isfinite(gram), gram, 0.0))
        return Measurement(
            fit,
            reg,
            grad_norm,
            numpy_array(dnc1),
            numerical_rank(spectra) * finite[:, None],
            np.sqrt(numpy_array(share).max(axis=1)),
            numpy_array(_aligned(batch, by_class)),
            finite,
            spectra,
            numpy_array(_negative_share(means[:, 1::2])),
        )


def gram_spectra(gram: Float[Array, "*batch K K"]) -> Float[np.ndarray, "*batch K"]:
    """Singular values of M, largest first, from M Mᵀ in float64.

    Squaring costs half of the digits; the tolerance of ranks is far above what is left.
    """
    squares = numpy_array(library(gram).linalg.eigvalsh(gram))
    return np.asarray(np.sqrt(np.maximum(squares[..., ::-1], 0.0)))


def _negative_share(before: Float[Array, "runs layers K d"]) -> Float[Array, "runs layers"]:
    """‖min(M̃_l, 0)‖²/‖M̃_l‖² of class means before activation; nan where all are zero."""
    xp = library(before)
    return _square_sum(xp.where(before < 0, before, 0.0)) / _square_sum(before)


def _memory(batch: Batch) -> Float[Array, "runs N d"] | None:
    """What the optimiser remembers of H_1, in the unit of H_1."""
    way = batch.configs[0].way_down
    units = [way.memory_unit(config.momentum, config.wd_h1) for config in batch.configs]
    if None in units:
        return None
    memory = batch.moments[0].features
    return memory * per_run([unit for unit in units if unit is not None], memory)[:, None, None]


def _aligned(batch: Batch, by_class: Sequence[ClassArray]) -> Bool[Array, " runs"]:
    """Whether no class has samples on both sides of a kink."""
    first = batch.configs[0]
    kinked = [i for i, (layer, stage) in enumerate(stages(first.L)) if stage == "pre" and has_kink(first, layer)]
    aligned = []
    for X in by_class:
        on = X[:, kinked] > 0
        aligned.append(~(on.any(axis=3) & ~on.all(axis=3)).reshape(len(batch.configs), -1).any(axis=1))
    return aligned[0] if len(aligned) == 1 else library(aligned[0]).stack(aligned).all(axis=0)


def _by_class(batch: Batch, rows: Float[Array, "runs stages N d"]) -> list[ClassArray]:
    """Views of the samples by class, an array for each block of classes of one size."""
    runs, count, _, d = rows.shape
    blocks = class_blocks(batch.configs[0], batch.rows)
    return [rows[:, :, block.rows].reshape(runs, count, block.classes, block.each, d) for block in blocks]


def _between(by_class: Sequence[ClassArray], means: Float[Array, "runs stages K d"]) -> Float[Array, "runs stages"]:
    """Σ_k n_k ‖m_k − m‖², m the mean of all samples: N tr Σ_B, as `nccli.metrics.dnc1` has it."""
    if len(by_class) == 1:
        return by_class[0].shape[3] * _square_sum(means - means.mean(axis=2, keepdims=True))
    counts = np.repeat([X.shape[3] for X in by_class], [X.shape[2] for X in by_class])
    share = per_run(counts / counts.sum(), means)[:, None]
    return int(counts.sum()) * _square_sum(share**0.5 * (means - (share * means).sum(axis=2, keepdims=True)))


def _within(by_class: Sequence[ClassArray]) -> tuple[Float[Array, "runs stages"], Float[Array, "runs stages K d"]]:
    """Squared distance to the class means, and those; exactly 0 where the samples of a class are equal."""
    found = [_within_block(X) for X in by_class]
    if len(found) == 1:
        return found[0]
    squares, means = zip(*found, strict=True)
    xp = library(means[0])
    return xp.stack(squares).sum(axis=0), xp.concatenate(means, axis=2)


def _within_block(X: ClassArray) -> tuple[Float[Array, "runs stages"], Float[Array, "runs stages K d"]]:
    if X.shape[3] == 1:
        return _square_sum(X[..., 0] * 0.0), X[:, :, :, 0]
    base = X[:, :, :, :1]
    offset = X - base
    shift = offset.mean(axis=3, keepdims=True)
    offset -= shift
    return _square_sum(offset), (base + shift)[:, :, :, 0]


def _square_sum(array: Float[Array, "runs stages *rest"]) -> Float[Array, "runs stages"]:
    flat = array.reshape(*array.shape[:2], 1, -1)
    return (flat @ flat.swapaxes(2, 3))[:, :, 0, 0]  # a scalar product: nothing of the size of the array is made


@contextmanager
def _without_warnings() -> Iterator[None]:
    """A run that diverges is a value, not a warning."""
    with np.errstate(all="ignore"):
        yield
