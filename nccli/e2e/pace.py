"""How long a step of a run takes here: measured, as it depends on the machine and on who else uses it."""

import time

from nccli.e2e.config import E2eConfig
from nccli.e2e.denormals import flushed_denormals
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.precision import products
from nccli.e2e.train import Training
from nccli.training.threads import threads

_SECONDS, _ROUNDS = 1.0, 8
"""Tastes: a run is timed for so long, or so many rounds of steps."""


def seconds_a_step(config: E2eConfig, data: DeviceSet, compile: bool = False) -> float:
    """Seconds of a step, the best of some rounds after one to warm up.

    Args:
        config: of the run, of which nothing is left behind.
        data: on the device that it is for.
        compile: as `nccli.e2e.train.train_network` takes it.

    Raises:
        InputError: as `nccli.e2e.train.Training`.
    """
    run = Training(config, data, compile=compile)
    with threads(run.threads), flushed_denormals(), products(config.precision):
        run.advance()
        began, best = time.perf_counter(), float("inf")
        for _ in range(_ROUNDS):
            before = time.perf_counter()
            count = run.advance()
            now = time.perf_counter()
            best = min(best, (now - before) / count)
            if now - began > _SECONDS:
                break
    return best
