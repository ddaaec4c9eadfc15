"""A stage after the descent that brings a run to rest at the bottom of the valley it is in.

Descent at a fixed step size crosses kinks of ReLU for ever, and what weight decay empties dies slowly. Nesterov's
method on the class means (`Batch.collapsed`), cheaper than a step of all samples and with a step size that falls to 0,
comes to rest: singular values that vanish are then at the rounding of the dtype.

Measured (K = 10, L = 4, n = 10, d = 30, λ = 4e-3, η = 0.5, 50,000 steps, 100 seeds that nothing was tuned on): for 3 %
of the descent's processor time the share of runs with a gap (`nccli.metrics.gap`) of 1e3 at the ranks of M_1, M_2 and
M_3 rises from 41 to 74 %, of 1e2 from 72 to 97 %; before activation it is 1e3 in 99 %. A gap that stays small is the
solution's own: M̃_{L−1} is of the rank to 1e-6, but has small negative entries, and what ReLU cuts off them is a value
of some 1e-3 of the largest in M_{L−1}. Of 13 such runs 11 were the same after five times as long a polish. 23 % of the
runs change a rank, by what longer descent would do too; none ended above its start.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from nccli.catalogue.options import OptimizerName
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.network import Network
from nccli.dufm.placement import compiled_pays, make_steps, threads_that_pay
from nccli.dufm.sharpness import sharpness
from nccli.training.threads import cores

_SHARE = 0.2
"""Steps, in those of the descent's budget. Measured at K = 10, L = 4, n = 10, d = 30, 100 seeds: a gap of 1e3 at the
ranks of M_1..M_{L−1} in 83, 87, 87 and 87 % of runs with 0.1, 0.2, 0.4 and 0.5."""

_MOMENTUM = 0.98
"""Measured: as many such gaps with 0.95, 0.99 and 0.995, to 2 %."""

_RATES = (1.0, 0.25)
"""Step sizes in 1/sharpness, the next where one did not end below the start. A bound: Nesterov's method is stable below
4/3 where the sharpness stays. Measured: at L = 7 it grows on the way in a quarter of the runs, and 0.25 will do."""

_POLL_SECONDS = 0.2
"""A taste: how long an interrupted command goes on."""

_FIRST_STRETCH = 16
"""A taste: steps before speed is known."""


@dataclass(frozen=True, eq=False)
class Polished:
    """Runs after the polish.

    Attributes:
        batch: class means and weights (reduced form) with the runs' own configurations and dtype; nothing is remembered
            by the optimiser.
        better: which runs ended below the loss they came with. The others are where they were, as class means.
        steps: taken of each run; 0 of one that had diverged.
    """

    batch: Batch
    better: Bool[np.ndarray, " runs"]
    steps: Int[np.ndarray, " runs"]


def polish_steps(config: DufmConfig) -> int:
    """Steps of a polish at one step size: a fifth of the descent's budget."""
    return max(1, round(_SHARE * config.steps))


def polish(
    batch: Batch,
    device: str = "cpu",
    workers: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    steps: int | None = None,
) -> Polished | None:
    """Polish the ends of runs; what becomes of a run does not depend on its neighbours.

    The step size is 1/sharpness of the run's own end (`nccli.dufm.sharpness`), so that it suits runs of every
    optimiser, learning rate and initialisation; it falls to 0 as a cosine. A run that does not end below its start is
    polished again with a quarter of that, and left alone if that does not help either, as diverged runs are.

    Args:
        batch: at its end, samples or class means, NumPy arrays; it is not changed.
        device: "cpu" or "cuda".
        workers: cores for compiled code; None for all.
        should_stop: polled several times a second.
        steps: at one step size; None for `polish_steps`.

    Returns:
        None if asked to stop.
    """
    means, start = batch if batch.reduced else batch.collapsed(), _loss(batch)
    point = means.parameters.each(np.copy)
    curvature, count = sharpness(means), steps or polish_steps(batch.configs[0])
    better, taken = np.zeros(len(start), bool), np.zeros(len(start), np.int64)
    for rate in _RATES:
        runs = np.flatnonzero(np.isfinite(start) & np.isfinite(curvature) & ~better)
        if not len(runs):
            break
        configs = [_gentle(batch.configs[run], rate / curvature[run], count) for run in runs]
        tried = Batch.at(configs, means.select(runs.tolist()).parameters, reduced=True)
        if not _advance(tried, count, device, workers or cores(), should_stop):
            return None
        below = _loss(tried) < start[runs]
        kept, found = runs[below], tried.parameters
        point.features[kept], point.last[kept] = found.features[below], found.last[below]
        point.hidden[:, kept] = found.hidden[:, below]
        better[kept] = True
        taken[runs] += count
    return Polished(Batch.at(batch.configs, point, reduced=True), better, taken)


def _gentle(config: DufmConfig, lr: float, steps: int) -> DufmConfig:
    """The run with the polish's way down."""
    way = OptimizerName.NESTEROV.value
    config = replace(config, noise_scale=0.0, batch_size=None)
    return replace(config, steps=steps, lr=lr, optimizer=way, momentum=_MOMENTUM, schedule="cosine")


def _advance(batch: Batch, count: int, device: str, workers: int, should_stop: Callable[[], bool]) -> bool:
    """Take the steps; False when asked to stop before."""
    first = replace(batch.configs[0], n=1, class_counts=None)  # as large as the class means are
    runs = len(batch.configs)
    compiled = compiled_pays(first, runs, workers)
    steps = make_steps(batch, device, compiled, workers, threads_that_pay(first, runs))
    done, stretch = 0, _FIRST_STRETCH
    while done < count:
        if should_stop():
            return False
        began, part = time.perf_counter(), min(stretch, count - done)
        steps.advance(done, part)
        done += part
        took = time.perf_counter() - began
        stretch = max(1, int(stretch * min(2.0, _POLL_SECONDS / max(took, 1e-9))))
    steps.sync()
    return True


def _loss(batch: Batch) -> Float[np.ndarray, " runs"]:
    """In float64; not finite where a run has diverged."""
    with np.errstate(all="ignore"):
        network = Network(batch.double())
        return np.asarray(network.fit() + network.reg())
