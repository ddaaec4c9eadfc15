"""Which program takes the steps, on how many threads: by rules, so that the same batch is always placed alike."""

import torch

from nccli.dufm.config import DufmConfig
from nccli.dufm.cuda_graph import GraphSteps
from nccli.dufm.engine import Engine
from nccli.dufm.native import native_steps
from nccli.dufm.steps import PlainSteps, Steps

_FLOPS_TO_SHARE = 2e7


def make_steps(engine: Engine, compiled: bool, workers: int) -> Steps:
    """The steps of an engine.

    Args:
        engine: the runs.
        compiled: whether to use compiled code on the CPU, where it can be had.
        workers: cores to use.
    """
    if engine.parameters.features.device.type == "cuda":
        return GraphSteps(engine)
    return (native_steps(engine, workers) if compiled else None) or PlainSteps(engine)


def compiled_pays(config: DufmConfig, runs: int, workers: int) -> bool:
    """Whether compiled code, one run a core, beats PyTorch, all cores a product, for so many runs of this shape."""
    return runs >= workers or _product_flops(config) < _FLOPS_TO_SHARE


def threads_that_pay(config: DufmConfig, runs: int) -> int:
    """Threads for PyTorch: one where a product is too small to share.

    Threads that wait for each other cost more than they give. On a machine that others use too, two threads on a
    product of 50 microseconds made a step 20 times slower.
    """
    return 1 if runs * _product_flops(config) < _FLOPS_TO_SHARE else torch.get_num_threads()


def _product_flops(config: DufmConfig) -> float:
    return 2.0 * config.n * config.K * config.width**2
