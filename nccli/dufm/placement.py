"""Which program takes the steps, on how many threads: by rules, so that the same batch is always placed alike."""

from collections.abc import Callable

from nccli.catalogue.runs import StepsBy
from nccli.dufm.batch import Batch
from nccli.dufm.compiler import has_compiler, take_remarks
from nccli.dufm.config import DufmConfig
from nccli.dufm.native import native_steps
from nccli.dufm.remarks import told_once
from nccli.dufm.steps import Steps
from nccli.training.threads import cores

_FLOPS_TO_SHARE = 2e7
"""Measured: from there on, some 50 to 500 microseconds, two threads on one product gain more than they wait."""


def make_steps(
    batch: Batch,
    device: str,
    compiled: bool,
    workers: int,
    threads: int,
    on_note: Callable[[str], None] | None = None,
) -> Steps:
    """The steps of a batch; PyTorch is loaded only where compiled code does not take them.

    Args:
        batch: the runs.
        device: "cpu" or "cuda".
        compiled: whether to use compiled code on the CPU, where it can be had.
        workers: cores for compiled code.
        threads: threads for PyTorch.
        on_note: called, once a process, with why the quickest way cannot be had or machine code is not kept.
    """
    if not batch.configs[0].is_plain:
        steps: Steps = _other_steps(batch, device, threads)
    elif device == "cuda":
        steps = _steps_on_gpu(batch, device)
    else:
        steps = (native_steps(batch, workers) if compiled else None) or _plain_steps(batch, threads)
    if on_note is not None:
        for remark in take_notes(device):
            on_note(remark)
    return steps


def take_notes(device: str) -> list[str]:
    """What is new of why steps are taken in a slower way than they could be, or machine code is not kept."""
    if device != "cuda":
        return take_remarks()
    from nccli.dufm.fused.steps import NOT_FUSED

    return told_once(NOT_FUSED) or take_remarks()


def _steps_on_gpu(batch: Batch, device: str) -> Steps:
    from nccli.dufm.cuda_graph import GraphSteps
    from nccli.dufm.fused import fused_steps

    return fused_steps(batch) or GraphSteps(batch, device)


def _plain_steps(batch: Batch, threads: int) -> Steps:
    from nccli.dufm.plain import PlainSteps

    return PlainSteps(batch, threads)


def _other_steps(batch: Batch, device: str, threads: int) -> Steps:
    from nccli.dufm.other_steps import OtherSteps

    return OtherSteps(batch, device, threads)


def taken_by(config: DufmConfig, device: str, runs: int, workers: int) -> StepsBy:
    """What will take the steps of so many runs of this shape, unless a compiler fails."""
    if not config.is_plain:
        return StepsBy.TORCH
    if device == "cuda":
        from nccli.dufm.fused import is_fused, most_shared

        return StepsBy.FUSED if is_fused(config, config.N, most_shared()) else StepsBy.GRAPH
    return StepsBy.COMPILED if compiled_pays(config, runs, workers) and has_compiler() else StepsBy.TORCH


def compiled_pays(config: DufmConfig, runs: int, workers: int) -> bool:
    """Whether compiled code, one run a core, beats PyTorch, all cores a product, for so many runs of this shape."""
    return runs >= workers or _product_flops(config) < _FLOPS_TO_SHARE


def threads_that_pay(config: DufmConfig, runs: int) -> int:
    """Threads for PyTorch: one where a product is too small to share.

    Threads that wait for each other cost more than they give. On a machine that others use too, two threads on a
    product of 50 microseconds made a step 20 times slower.
    """
    return 1 if runs * _product_flops(config) < _FLOPS_TO_SHARE else cores()


def _product_flops(config: DufmConfig) -> float:
    return 2.0 * config.N * config.width**2
