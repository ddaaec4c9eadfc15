"""What a batch costs: flops, memory and time, known before it starts."""

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from nccli.dufm.compiler import vector_bytes
from nccli.dufm.config import DufmConfig
from nccli.dufm.engine import Engine
from nccli.dufm.native import Shape
from nccli.dufm.parameters import moment_count
from nccli.dufm.placement import compiled_pays, make_steps, threads_that_pay
from nccli.errors import InputError
from nccli.training.measure_points import measure_steps
from nccli.training.threads import cores, threads

_SHARE = 0.8
"""Of the free memory that a batch may take."""

_SMALL = 2**10  # a run's learning rate, weight decays and the like
_PROBE_SECONDS = 0.2
_PROBE_RUNS = 64
_GIB = 2.0**30


def flops_a_step(config: DufmConfig) -> int:
    """Floating-point operations of one step of one run: 6 N d ((L − 1) d + K)."""
    d = config.width
    return 6 * config.n * config.K * d * ((config.L - 1) * d + config.K)


def bytes_a_run(config: DufmConfig) -> int:
    """Memory that a run takes while its batch is trained.

    Its parameters and what the optimiser remembers of them; beside these the initial point in float64, the padded copy
    of compiled steps, or the buffers of plain ones; and its history.
    """
    rows, d, K, L = config.n * config.K, config.width, config.K, config.L
    real = np.dtype(config.dtype).itemsize
    parameters = rows * d + (L - 1) * d * d + d * K
    held = 1 + moment_count(config)
    buffers = (L + 1) * rows * d + rows * K
    if config.activation == "relu-eps":
        buffers += 2 * (L - 1) * rows * d
    if held > 1:
        buffers += rows * d + d * d + d * K
    padded = held * Shape.of(config, vector_bytes()).size
    history = len(measure_steps(config.steps)) * (24 + 12 * (2 * L - 1))
    return real * held * parameters + max(8 * parameters, real * padded, real * buffers) + history + _SMALL


def bytes_beside(config: DufmConfig) -> int:
    """Memory that a batch takes whatever the number of its runs: float64 copies of a few runs for measuring."""
    rows, d, L = config.n * config.K, config.width, config.L
    return max(2**27, 24 * 8 * L * (rows * d + d * d))


def free_bytes(device: str) -> int:
    """Memory that may still be taken on the device: of the machine, of the control group, or of the GPU."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
        limit, used = (Path("/sys/fs/cgroup", f"memory.{name}").read_text() for name in ("max", "current"))
        if limit.strip() != "max":
            found.append(int(limit) - int(used))
    except OSError:
        return min(found)
    return min(found)


def runs_that_fit(config: DufmConfig, free: int) -> int:
    """How many runs of this shape can be trained at once in so much free memory.

    Raises:
        InputError: not even one.
    """
    if bytes_beside(config) + bytes_a_run(config) > _SHARE * free:
        raise InputError(
            f"a run of K {config.K}, n {config.n}, width {config.width} needs "
            f"{(bytes_beside(config) + bytes_a_run(config)) / _GIB:.3g} GiB, and {_SHARE * free / _GIB:.3g} GiB may be "
            f"used here: {_what_would_fit(config, free)}"
        )
    return int((_SHARE * free - bytes_beside(config)) // bytes_a_run(config))


def seconds_a_step(config: DufmConfig, runs: int, device: str) -> float:
    """Time of one step of so many runs of this shape, from a trial of a fraction of a second."""
    tried = min(runs, _PROBE_RUNS)
    engine = Engine.start([replace(config, seed=seed) for seed in range(tried)], device)
    with torch.no_grad(), threads(threads_that_pay(config, runs)):
        steps = make_steps(engine, compiled_pays(config, runs, cores()), cores())
        steps.advance(0, 1)
        done, count, began = 0, 1, time.perf_counter()
        while (took := time.perf_counter() - began) < _PROBE_SECONDS:
            steps.advance(0, min(count, config.steps))
            done, count = done + min(count, config.steps), 2 * count
    return took / done * max(1.0, runs / tried)


def _what_would_fit(config: DufmConfig, free: int) -> str:
    """The largest width, and the largest n, with which one run fits."""

    def fits(width: int = config.width, n: int = config.n) -> bool:
        changed = replace(config, width=width, n=n)
        return bytes_beside(changed) + bytes_a_run(changed) <= _SHARE * free

    found = []
    for name, value in (("width", config.width), ("n", config.n)):
        low, high = 0, value
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(**{name: middle}) else (low, middle)
        if low:
            found.append(f"--{name} {low}")
    return f"{' or '.join(found)} would fit" if found else "no smaller --width or --n alone would fit"
