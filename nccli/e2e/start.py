"""The network of a run at its initial weights, on the device, as it is trained."""

import torch

from nccli.catalogue.options import Precision
from nccli.e2e.batches import Batches
from nccli.e2e.config import E2eConfig
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.distributed import with_global_norm
from nccli.e2e.feature_scale import scale_features
from nccli.e2e.network import Network, build_network
from nccli.e2e.precision import products
from nccli.training.group import Group

_SCALED = 512
"""A taste: samples on which the size of the initial features is measured."""


def initial_network(config: E2eConfig, data: DeviceSet, group: Group) -> Network:
    """A function of the configuration and the data; normalisations are over the batches of all processes.

    Raises:
        InputError: as `nccli.e2e.network.build_network` and `nccli.e2e.feature_scale.scale_features`.
    """
    network = build_network(config, data.train.shape)
    network.to(data.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    network.autocast = config.precision == Precision.BF16
    if config.feature_scale:
        images, _ = data.train.batch(Batches(config).of_step(0)[0][:_SCALED])
        with products("float32"):
            scale_features(network.train(), config, images)
    if group.size > 1:
        network.backbone = with_global_norm(network.backbone, data.device)
    return network
