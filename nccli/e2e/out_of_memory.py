"""What to say where a GPU has too little memory: the largest batch that fits, by trying smaller ones."""

import gc
from collections.abc import Callable

import torch

from nccli.e2e.config import E2eConfig
from nccli.e2e.device_images import DeviceImages
from nccli.e2e.network import Network
from nccli.errors import InputError

_SHARE = 16
"""A taste: the batch that is named is the largest one to within a sixteenth."""

_LEAST = 2
"""Of one sample there are no batch statistics."""


def largest_batch(fits: Callable[[int], bool], too_many: int) -> int:
    """The largest batch that fits, to within a sixteenth, found by halving; 0 if none of two samples does.

    Args:
        fits: whether a batch of so many samples does; of more if of fewer.
        too_many: samples that do not fit.
    """
    fitting, not_fitting = 0, too_many
    while not_fitting - fitting > max(1, not_fitting // _SHARE) and not_fitting > _LEAST:
        middle = max(_LEAST, (fitting + not_fitting) // 2)
        if fits(middle):
            fitting = middle
        else:
            not_fitting = middle
    return fitting


def too_little_memory(config: E2eConfig, network: Network, data: DeviceImages) -> InputError:
    """The refusal of a run whose steps take more memory than there is, after all else that it had was let go.

    Args:
        config: of the run.
        network: its network, in training mode.
        data: the training set.
    """

    def fits(samples: int) -> bool:
        return _step_fits(network, data, samples)

    largest = config.batch if fits(config.batch) else largest_batch(fits, config.batch)
    what = f"a step on {config.batch} images through {config.backbone} takes more memory than the GPU has left"
    if largest == config.batch:
        return InputError(
            f"a step on {config.batch} images fits into the memory of the GPU by itself, but not beside what else is "
            "there: a smaller --batch-size, or free some of it"
        )
    if not largest:
        return InputError(f"{what}, and no smaller batch fits: a smaller --backbone, or free some of it")
    return InputError(f"{what}: --batch-size {largest} fits")


def _step_fits(network: Network, data: DeviceImages, samples: int) -> bool:
    """Whether the forward and the backward pass of so many samples do."""
    gc.collect()
    torch.cuda.empty_cache()  # nothing happens where there is no GPU
    index = torch.arange(samples, device=data.device).remainder(len(data))
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    try:
        features, output = network(data.take(index))
        torch.autograd.grad(features.sum() + output.sum(), parameters, allow_unused=True)
    except torch.OutOfMemoryError:
        return False
    return True
