"""Random crops and flips, drawn on the device that has the images."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

DRAWS = 3
"""Numbers an image: down, right, and whether it is flipped."""

_PAD_SHARE = 8
"""The field's: 4 of 32 pixels, as He et al. (2016) crop CIFAR."""


def augmented(images: Float[Tensor, "B C H W"], bits: Int[Tensor, "draws B"]) -> Float[Tensor, "B C H W"]:
    """Each image shifted by up to an eighth of its size, edges filled with the mean, and flipped at random.

    Args:
        images: normalised, so that 0 is the mean.
        bits: from `nccli.e2e.noise.random_bits`.
    """
    _, _, H, W = images.shape
    pad = max(1, H // _PAD_SHARE)
    padded = torch.nn.functional.pad(images, (pad, pad, pad, pad))
    down, right, side = bits
    rows = torch.arange(H, device=images.device) + (down % (2 * pad + 1))[:, None]
    columns = torch.arange(W, device=images.device).expand(len(images), W)
    columns = torch.where((side % 2 == 0)[:, None], W - 1 - columns, columns) + (right % (2 * pad + 1))[:, None]
    samples = torch.arange(len(images), device=images.device)[:, None, None]
    taken = padded.permute(0, 2, 3, 1)[samples, rows[:, :, None], columns[:, None]]
    return taken.permute(0, 3, 1, 2)
