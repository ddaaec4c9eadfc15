"""A set of images as one tensor on the device, normalised as batches are taken."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nccli.e2e.images import ImageSet, LabelledImages
from nccli.errors import InputError
from nccli.training.memory import in_words

_CHUNK = 4096
"""A taste: so many images in float64 at a time, 100 MB of CIFAR's."""


class DeviceImages:
    """Images and labels on a device; uint8 stays uint8 there, a quarter of the memory. Only indices cross to it.

    Attributes:
        device: where.
        labels: class of each sample.
        shape: (C, H, W) of an image.
        scale: mean and standard deviation by channel, on the CPU.
    """

    def __init__(self, found: LabelledImages, device: str, scale: tuple[Tensor, Tensor] | None = None) -> None:
        """Put a set on a device.

        Args:
            found: the set.
            device: where to.
            scale: mean and standard deviation by channel; by default this set's own.

        Raises:
            InputError: it does not fit into the memory of the GPU.
        """
        self.device = device
        _, C, H, W = found.images.shape
        self.shape: tuple[int, int, int] = (C, H, W)
        try:
            # channels last, a row an image: a batch is a copy of whole rows
            rows = np.ascontiguousarray(found.images.transpose(0, 2, 3, 1)).reshape(len(found), -1)
            self._pixels = torch.tensor(rows, device=device)
            self.labels = torch.from_numpy(found.labels).to(device)
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"{len(found)} images, {in_words(found.images.nbytes)}, do not fit into the memory of the GPU: "
                "a smaller --per-class"
            ) from error
        mean, deviation = scale or _moments(found)
        self.scale = (mean, deviation)
        self._shift = (-mean / deviation).repeat(H * W).to(device)
        self._factor = (1 / deviation).repeat(H * W).to(device)

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    def take(self, index: Int[Tensor, " B"]) -> Float[Tensor, "B C H W"]:
        """Normalised images, channels last; the index is on the device, and nothing is asked of it."""
        rows = self._pixels.index_select(0, index).to(torch.float32)
        return self._as_images(torch.addcmul(self._shift, rows, self._factor))

    def batch(self, index: Int[np.ndarray, " B"]) -> tuple[Float[Tensor, "B C H W"], Int[Tensor, " B"]]:
        """Normalised images, channels last, and labels."""
        at = torch.from_numpy(index).to(self.device)
        return self.take(at), self.labels[at]

    def pixels(self, index: Int[np.ndarray, " B"], unit: bool) -> tuple[Float[Tensor, "B C H W"], Int[Tensor, " B"]]:
        """Images as they are in float32, uint8 over 255 if `unit`, and labels."""
        at = torch.from_numpy(index).to(self.device)
        rows = self._pixels[at].to(torch.float32)
        whole = unit and self._pixels.dtype == torch.uint8
        return self._as_images(rows / 255 if whole else rows).contiguous(), self.labels[at]

    def _as_images(self, rows: Float[Tensor, "B HWC"]) -> Float[Tensor, "B C H W"]:
        C, H, W = self.shape
        return rows.view(-1, H, W, C).permute(0, 3, 1, 2)


class DeviceSet:
    """A whole set on a device, for all the runs that are trained on it.

    Attributes:
        device: where.
        train: the training part.
        test: the test part, normalised as the training part; None without one.
    """

    def __init__(self, images: ImageSet, device: str) -> None:
        """Put both parts on a device.

        Raises:
            InputError: they do not fit into the memory of the GPU.
        """
        self.device = device
        self.train = DeviceImages(images.train, device)
        self.test = None if images.test is None else DeviceImages(images.test, device, self.train.scale)


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
