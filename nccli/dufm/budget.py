"""What a batch costs in flops and memory, known before it starts; `nccli.dufm.duration` says how long it takes."""

from dataclasses import replace

import numpy as np

from nccli.catalogue.options import BiasName
from nccli.dufm.compiler import vector_bytes
from nccli.dufm.config import DufmConfig
from nccli.dufm.history import bytes_a_run as history_bytes
from nccli.dufm.saved import measured_at
from nccli.dufm.shape import Shape
from nccli.training.memory import too_large

_SHARE = 0.8
"""A taste: of the free memory that a batch may take."""

_SMALL = 2**10
"""A bound: a run's learning rate, weight decays and the like."""


def flops_a_step(config: DufmConfig) -> int:
    """Floating-point operations of one step of one run: 6 N d ((L − 1) d + K)."""
    d = config.width
    return 6 * config.N * d * ((config.L - 1) * d + config.K)


def bytes_a_run(config: DufmConfig, trajectory: bool = False) -> int:
    """Memory that a run takes while its batch is trained, with a trajectory or without.

    Its parameters and what the optimiser remembers of them; beside these the initial point in float64, the padded copy
    of compiled steps, or the buffers of plain ones; and its history.
    """
    rows, d, K, L = config.N, config.width, config.K, config.L
    real = np.dtype(config.dtype).itemsize
    parameters = rows * d + (L - 1) * d * d + d * K
    held = 1 + config.way_down.moments
    buffers = (L + 1) * rows * d + rows * K
    if config.activation == "relu-eps":
        buffers += 2 * (L - 1) * rows * d
    if held > 1:
        buffers += rows * d + d * d + d * K
    if config.is_noisy:
        buffers += held * rows * d + 3 * parameters
    if config.bias != BiasName.NONE:
        buffers *= 2
    padded = held * Shape.of(config, vector_bytes()).size
    history = history_bytes(len(measured_at(config)), 2 * L - 1, K, trajectory)
    return real * held * parameters + max(8 * parameters, real * padded, real * buffers) + history + _SMALL


def bytes_beside(config: DufmConfig) -> int:
    """Memory that a batch takes whatever the number of its runs: float64 copies of a few runs for measuring."""
    rows, d, L = config.N, config.width, config.L
    return max(2**27, 24 * 8 * L * (rows * d + d * d))


def runs_that_fit(config: DufmConfig, free: int, trajectory: bool = False) -> int:
    """How many runs of this shape, with trajectories or without, can be trained at once in so much free memory.

    Raises:
        InputError: not even one.
    """
    own = bytes_a_run(config, trajectory)
    need = bytes_beside(config) + own
    if need > _SHARE * free:
        what = f"a run of K {config.K}, n {config.n}, width {config.width}, L {config.L}"
        raise too_large(what, need, _SHARE * free, _what_would_fit(config, free))
    return int((_SHARE * free - bytes_beside(config)) // own)


def _what_would_fit(config: DufmConfig, free: int) -> str:
    """The largest width, and the largest n, with which one run fits."""

    def fits(width: int = config.width, n: int = config.n) -> bool:
        changed = replace(config, width=width) if config.class_counts else replace(config, width=width, n=n)
        return bytes_beside(changed) + bytes_a_run(changed) <= _SHARE * free

    found = []
    sizes = (("width", config.width), *(() if config.class_counts else (("n", config.n),)))
    for name, value in sizes:
        low, high = 0, value
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(**{name: middle}) else (low, middle)
        if low:
            found.append(f"--{name} {low}")
    return f"{' or '.join(found)} would fit" if found else "no smaller --width or --n alone would fit"
