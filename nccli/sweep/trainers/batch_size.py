"""How many runs of the L-DUFM make one job: so many that a batch pays, so few that several processes share a grid."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from nccli.dufm.compiler import has_compiler
from nccli.dufm.config import DufmConfig
from nccli.sweep.job_size import SECONDS, JobSize
from nccli.training import memory

_FLOPS_A_CORE = 1e10
"""A measurement: compiled code does 7 to 18 Gflop/s a core for K = 4 to 10, n = 1 to 50, width 8 to 64."""

_FINISHED = 256
"""A taste: ends that are polished or refined in one job. Refining one takes up to a minute and another a second: of few
in a job a core waits for the last of them."""

_PLAIN_FLOPS = 1e7
"""A bound: of a step of a batch without a C compiler. Its some fifty operations take 0.2 ms to launch, and so many
flops about ten times as long."""

_CUDA_FLOPS = 1e10
"""A bound: of a step of a batch on a GPU. Its kernels take some 0.1 ms to replay whatever the number of runs, and so
many flops ten times as long at 10 Tflop/s: ten thousand runs of K = 10, n = 5, width 30."""

_CUDA_RUNS = 16384
"""A bound: with 32 numbers or more a run, the smallest fill the 100,000 to 300,000 threads of a GPU as well."""


def batches(
    configs: Iterable[DufmConfig], device: str, trajectory: bool = False, size: JobSize | None = None
) -> Iterator[tuple[DufmConfig, ...]]:
    """Split runs into batches of one shape that fit into memory, with their trajectories where these are kept.

    Raises:
        InputError: a run that does not fit.
    """
    from nccli.dufm import budget

    size = size or JobSize()
    groups: dict[object, list[DufmConfig]] = {}
    for config in configs:
        groups.setdefault(config.batch_key, []).append(config)
    free = size.memory or (memory.free_bytes(device) // size.at_once if groups else 0)
    share = size.cores * math.ceil(sum(map(len, groups.values())) / size.at_once / size.cores)
    for group in groups.values():
        first = group[0]
        most = budget.runs_that_fit(first, free, trajectory)
        plain = not device.startswith("cuda") and not (first.is_plain and has_compiler())
        runs = runs_a_job(budget.flops_a_step(first), first.steps, device, size.cores, plain, size.seconds)
        runs = min(most, runs, share, _FINISHED if first.finishes else runs)
        yield from _split(group, runs, most, size.cores)


def runs_a_job(flops: int, steps: int, device: str, workers: int, plain: bool = False, seconds: float = SECONDS) -> int:
    """How many runs one job should have, memory aside.

    Args:
        flops: of one step of one run.
        steps: of a run.
        device: "cpu" or "cuda".
        workers: cores; on the CPU a job has a multiple of them.
        plain: whether steps on the CPU are PyTorch's, for want of a C compiler or of compiled code for them.
        seconds: of work on the CPU that is enough for a job.
    """
    if device.startswith("cuda"):
        return max(1, min(_CUDA_RUNS, int(_CUDA_FLOPS / flops)))
    a_core = int(seconds * _FLOPS_A_CORE / (flops * steps))
    least = math.ceil(_PLAIN_FLOPS / flops / workers) if plain else 1
    return workers * max(least, a_core)


def _split(group: Sequence[DufmConfig], size: int, most: int, workers: int) -> Iterator[tuple[DufmConfig, ...]]:
    """Parts of `size` runs; what is over and would leave cores idle goes with the last of them, if it fits."""
    starts = list(range(0, len(group), size))
    over = len(group) % size
    if len(starts) > 1 and 0 < over < workers and size + over <= most:
        starts.pop()
    for start, end in pairwise([*starts, len(group)]):
        yield tuple(group[start:end])
