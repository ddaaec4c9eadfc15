"""A set of images as one tensor on the device, normalised as batches are taken."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nccli.e2e.images import ImageSet, LabelledImages

_PAD_SHARE = 8
"""The field's: 4 of 32 pixels, as He et al. (2016) crop CIFAR."""

_CHUNK = 4096
"""A taste: so many images in float64 at a time, 100 MB of CIFAR's."""


class DeviceImages:
    """Images and labels on a device; uint8 stays uint8 there, a quarter of the memory.

    Attributes:
        device: where.
        labels: class of each sample.
    """

    def __init__(self, found: LabelledImages, device: str, scale: tuple[Tensor, Tensor] | None = None) -> None:
        """Put a set on a device.

        Args:
            found: the set.
            device: where to.
            scale: mean and standard deviation by channel; by default this set's own.
        """
        self.device = device
        self._images = torch.tensor(found.images, device=device)
        self.labels = torch.from_numpy(found.labels).to(device)
        mean, deviation = scale or _moments(found)
        self.scale = (mean, deviation)
        shape = (1, -1, 1, 1)
        self._shift = (-mean / deviation).view(shape).to(device)
        self._factor = (1 / deviation).view(shape).to(device)

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, C, H, W = self._images.shape
        return C, H, W

    def batch(self, index: Int[np.ndarray, " B"]) -> tuple[Float[Tensor, "B C H W"], Int[Tensor, " B"]]:
        """Normalised images, channels last, and labels."""
        at = torch.from_numpy(index).to(self.device)
        images = self._images[at].to(torch.float32, memory_format=torch.channels_last)
        return torch.addcmul(self._shift, images, self._factor), self.labels[at]

    def pixels(self, index: Int[np.ndarray, " B"], unit: bool) -> tuple[Float[Tensor, "B C H W"], Int[Tensor, " B"]]:
        """Images as they are in float32, uint8 over 255 if `unit`, and labels."""
        at = torch.from_numpy(index).to(self.device)
        images = self._images[at].to(torch.float32)
        return images / 255 if unit and self._images.dtype == torch.uint8 else images, self.labels[at]


class DeviceSet:
    """A whole set on a device, for all the runs that are trained on it.

    Attributes:
        device: where.
        train: the training part.
        test: the test part, normalised as the training part; None without one.
    """

    def __init__(self, images: ImageSet, device: str) -> None:
        """Put both parts on a device."""
        self.device = device
        self.train = DeviceImages(images.train, device)
        self.test = None if images.test is None else DeviceImages(images.test, device, self.train.scale)


def augmented(images: Float[Tensor, "B C H W"], generator: torch.Generator) -> Float[Tensor, "B C H W"]:
    """Each image shifted by up to an eighth of its size, edges filled with the mean, and flipped at random."""
    B, _, H, W = images.shape
    pad = max(1, H // _PAD_SHARE)
    padded = torch.nn.functional.pad(images, (pad, pad, pad, pad))
    shifts = torch.randint(0, 2 * pad + 1, (2, B, 1), generator=generator)
    flip = torch.rand(B, 1, generator=generator) < 0.5
    rows = torch.arange(H) + shifts[0]
    columns = torch.arange(W).expand(B, W)
    columns = torch.where(flip, W - 1 - columns, columns) + shifts[1]
    samples = torch.arange(B)[:, None, None].to(images.device)
    taken = padded.permute(0, 2, 3, 1)[samples, rows[:, :, None].to(images.device), columns[:, None].to(images.device)]
    return taken.permute(0, 3, 1, 2)


def _moments(found: LabelledImages) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the pixels by channel, a few images at a time; a constant channel gets 1."""
    channels = found.images.shape[1]
    total, squares = np.zeros(channels), np.zeros(channels)
    base = found.images[0].astype(np.float64).mean(axis=(1, 2))[None, :, None, None]
    for start in range(0, len(found), _CHUNK):
        part = found.images[start : start + _CHUNK].astype(np.float64) - base
        total += part.sum(axis=(0, 2, 3))
        squares += np.square(part).sum(axis=(0, 2, 3))
    pixels = found.images.size / channels
    mean = total / pixels
    deviation = np.sqrt(np.maximum(squares / pixels - mean**2, 0.0))
    deviation[deviation == 0] = 1.0
    return torch.from_numpy((mean + base.ravel()).astype(np.float32)), torch.from_numpy(deviation.astype(np.float32))
