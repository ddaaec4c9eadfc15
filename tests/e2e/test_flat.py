"""Parameters as one vector: the network computes what it did, and every number is where the layout says."""

import pytest
import torch
from torch import nn

from nccli.e2e.flat import Flat, Layout
from nccli.e2e.network import Network, build_network
from nccli.errors import InputError
from tests.e2e.image_files import config_of, image_set

IMAGES = image_set(size=16)


def network_of(backbone: str, seed: int = 0) -> Network:
    return build_network(config_of(IMAGES, backbone=backbone, seed=seed), (1, 16, 16))


@pytest.mark.parametrize("backbone", ["mlp", "small-cnn", "resnet20"])
@pytest.mark.parametrize("last", [True, False])
def test_networks_that_look_into_vectors_are_what_they_were(backbone: str, last: bool) -> None:
    networks = [network_of(backbone, seed).eval() for seed in range(3)]
    images = torch.randn(5, 1, 16, 16)
    with torch.no_grad():
        before = [network(images)[1] for network in networks]
        flat = Flat(networks, Layout(networks[0], last), None)
        for network, output in zip(networks, before, strict=True):
            torch.testing.assert_close(network(images)[1], output, rtol=1e-4, atol=1e-4)
        flat.values[1] *= 2
        doubled = dict(network_of(backbone, 1).named_parameters())
        for name, parameter in networks[1].named_parameters():
            assert torch.equal(parameter, 2 * doubled[name])


def test_a_vector_is_its_parameters_with_zeros_between() -> None:
    network = network_of("resnet20")
    layout = Layout(network)
    vector = layout.vector(dict(network.named_parameters()))
    assert all(slot.begin % 64 == 0 for slot in layout.slots.values())
    taken = torch.zeros(layout.size, dtype=torch.bool)
    for name, parameter in network.named_parameters():
        slot = layout.slots[name]
        assert sorted(vector[slot.begin : slot.end].tolist()) == sorted(parameter.flatten().tolist())
        taken[slot.begin : slot.end] = True
    assert not vector[~taken].any()


def test_what_a_checkpoint_keeps_is_the_same_in_every_layout() -> None:
    network = network_of("small-cnn")
    whole = {name: torch.randn_like(each) for name, each in network.named_parameters()}
    plain = torch.cat([each.flatten() for each in whole.values()])
    for last in (True, False):
        layout = Layout(network, last)
        assert torch.equal(layout.plain(layout.vector(whole)), plain)
        assert torch.equal(layout.from_plain(plain), layout.vector(whole))


def test_parameters_without_a_gradient_stay_where_they_are() -> None:
    network = network_of("mlp")
    frozen = network.backbone[1].weight.requires_grad_(False)  # type: ignore[index]
    kept = frozen.data_ptr()
    Flat.of(network)
    assert "backbone.1.weight" not in Layout(network).slots
    assert frozen.data_ptr() == kept


def test_other_types_than_float32_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"parameter 0\.weight is torch\.float64"):
        Layout(nn.Sequential(nn.Linear(2, 2).double()))
