"""A backbone that does not look at its images is named before it is trained."""

import numpy as np
import pytest
import torch
from torch import nn

from nccli.e2e.backbones import build_backbone
from nccli.e2e.images import LabelledImages
from nccli.e2e.input_used import require_input_used
from nccli.errors import InputError
from tests.e2e.image_files import image_set

IMAGES = image_set(size=16).train


class Blind(nn.Module):
    """Features of nothing but its own weights."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Parameter(torch.randn(6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A row a sample."""
        return self.features.expand(len(x), -1)


class Dead(nn.Sequential):
    """All of whose units are off."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(256, 6), nn.ReLU())
        nn.init.constant_(self[1].bias, -1e6)


@pytest.mark.parametrize("network", [Blind, Dead])
def test_one_that_ignores_its_input_is_refused(network: type[nn.Module]) -> None:
    with pytest.raises(InputError, match="backbone own:net gives the same features for 16 different images"):
        require_input_used("own:net", network(), IMAGES)


@pytest.mark.parametrize("name", ["mlp", "small-cnn", "resnet20"])
def test_ours_look_and_stay_as_they_were(name: str) -> None:
    backbone, _ = build_backbone(name, (1, 16, 16))
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    require_input_used(name, backbone.train(), IMAGES)
    assert backbone.training
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


def test_images_that_are_all_the_same_are_no_fault_of_the_network() -> None:
    same = LabelledImages(np.zeros((20, 1, 16, 16), np.uint8), np.arange(20) % 4)
    require_input_used("own:net", Blind(), same)
