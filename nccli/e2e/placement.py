"""How many threads a network is worth, by a rule, so that the same run always gets as many."""

from typing import Any

import torch
from torch import Tensor, nn

_FLOPS_TO_SHARE = 1e8
"""Of a layer; below it threads wait for each other longer than they work, above all on a machine that others use."""


def threads_that_pay(network: nn.Module, shape: tuple[int, int, int], batch: int) -> int:
    """One thread where the mean layer has little to do for a batch, else all that PyTorch has.

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
    return 1 if mean < _FLOPS_TO_SHARE else torch.get_num_threads()
