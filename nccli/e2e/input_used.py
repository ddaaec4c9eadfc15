"""Whether a backbone looks at its images, asked before it is trained."""

import numpy as np
import torch
from torch import nn

from nccli.e2e.device_images import DeviceImages
from nccli.e2e.images import LabelledImages
from nccli.errors import InputError

_TRIED = 16
"""A taste: images; one that answers all of them alike answers to none."""


@torch.no_grad()
def require_input_used(name: str, backbone: nn.Module, images: LabelledImages) -> None:
    """Refuse a backbone that gives the same features for different images, in eval mode.

    Args:
        name: of the backbone.
        backbone: on the CPU, at its initial weights; its mode is put back.
        images: the training set.

    Raises:
        InputError: it does.
    """
    chosen = np.unique(np.linspace(0, len(images) - 1, _TRIED).astype(np.int64))
    some = LabelledImages(images.images[chosen], images.labels[chosen])
    if len({image.tobytes() for image in some.images}) == 1:
        return
    was = backbone.training
    features = backbone.eval()(DeviceImages(some, "cpu").batch(np.arange(len(chosen)))[0])
    backbone.train(was)
    if bool((features == features[:1]).all()):
        raise InputError(f"backbone {name} gives the same features for {len(chosen)} different images: it ignores them")
