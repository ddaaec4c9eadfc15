"""How many threads a network is worth, by a rule, so that the same run always gets as many."""

from typing import Any

import torch
from torch import Tensor, nn

_FLOPS_A_THREAD = 5e6
"""Of the mean layer. On two idle cores two threads take 0.6 of the time of one from twice this on; where others keep
the cores busy, threads wait for each other, and OMP_NUM_THREADS=1 is faster."""


def threads_that_pay(network: nn.Module, shape: tuple[int, int, int], batch: int) -> int:
    """As many threads as have enough to do in the mean layer, at most all that PyTorch has.

    Args:
        network: on the CPU or elsewhere; it sees two black images in eval mode.
        shape: (C, H, W) of an image.
        batch: samples of a step.
    """
    counted: list[float] = []

    def count(module: Any, inputs: Any, output: Tensor) -> None:
        each = module.weight[0].numel()  # products for one number of the output
        counted.append(2.0 * each * output.numel() / len(output))

    handles = [
        module.register_forward_hook(count) for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    was = network.training
    network.eval()
    with torch.no_grad():
        network(torch.zeros(2, *shape, device=next(network.parameters()).device))
    network.train(was)
    for handle in handles:
        handle.remove()
    mean = batch * sum(counted) / max(1, len(counted))
    return max(1, min(torch.get_num_threads(), int(mean / _FLOPS_A_THREAD)))
