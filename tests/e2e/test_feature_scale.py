"""Initial features of the size that was asked for, over that of DNC."""

import pytest
import torch

from nccli.e2e.config import E2eConfig
from nccli.e2e.device_images import DeviceImages, DeviceSet
from nccli.e2e.feature_scale import scale_features
from nccli.e2e.network import build_network
from nccli.e2e.train import Training
from nccli.errors import InputError
from nccli.theory import solve_dnc
from tests.e2e.image_files import config_of, image_set

IMAGES = image_set(size=16)


def square_over_dnc(config: E2eConfig, images: torch.Tensor, network: torch.nn.Module) -> float:
    """Mean ‖h_1‖² over that of the columns of DNC's H_1."""
    assert config.problem is not None
    dnc = solve_dnc(config.problem)
    with torch.no_grad():
        features = network.train().backbone(images)  # type: ignore[operator, union-attr]
    return float(features.square().sum(1).mean() / (dnc.singular_values(1, "post") ** 2).mean())


@pytest.mark.parametrize("backbone", ["resnet20", "small-cnn"])
@pytest.mark.parametrize("wanted", [0.5, 4.0, 100.0])
def test_features_have_the_wanted_size_and_statistics_stay(backbone: str, wanted: float) -> None:
    config = config_of(IMAGES, backbone=backbone, feature_scale=wanted)
    images = DeviceImages(IMAGES.train, "cpu").batch(torch.arange(48).numpy())[0]
    network = build_network(config, (1, 16, 16)).train()
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    scale_features(network, config, images)
    assert all(torch.equal(buffer, before[name]) for name, buffer in network.named_buffers())
    assert square_over_dnc(config, images, network) == pytest.approx(wanted, rel=5e-3)


def test_a_run_begins_with_them_and_one_without_has_another_start() -> None:
    config = config_of(IMAGES, batch_size=48, feature_scale=4.0)
    images = DeviceImages(IMAGES.train, "cpu").batch(torch.arange(48).numpy())[0]
    assert square_over_dnc(config, images, Training(config, DeviceSet(IMAGES, "cpu")).network) == pytest.approx(
        4, rel=1e-2
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backbone": "mlp"}, "backbone mlp has no normalisation"),
        ({"reg": "standard"}, "needs --reg dufm and classes of equal size"),
        ({"wd_layers": (5.0,) * 3}, "the DNC solution of this problem is zero"),
    ],
)
def test_what_cannot_be_scaled_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Training(config_of(IMAGES, feature_scale=4.0, **changes), DeviceSet(IMAGES, "cpu"))
