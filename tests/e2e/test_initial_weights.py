"""The network that a run starts from: a function of its configuration, drawn from torch's generator at its seed."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from nccli.e2e.network import build_network
from tests.e2e.image_files import config_of, image_set

IMAGES = image_set()


def by_hand(seed: int, width: int, K: int, L: int) -> list[Tensor]:
    """Weights of small-cnn and of the head in the order in which they are drawn, each twice: torch draws its own first.

    Convolutions: N(0, 2/fan out); the head: N(0, 2/fan in), He et al. (2015).
    """
    generator = torch.random.fork_rng(devices=[])
    with generator, torch.no_grad():
        torch.manual_seed(seed)
        drawn: list[Tensor] = []
        for before, after in ((1, 16), (16, 32), (32, 64)):
            weight = nn.Conv2d(before, after, 3, bias=False).weight
            drawn.append(weight.normal_(std=(2 / (after * 9)) ** 0.5).clone())
        sizes = [64, *([width] * (L - 1)), K]
        head = [nn.Linear(i, o, bias=False).weight for i, o in pairwise(sizes)]
        return [*drawn, *(weight.normal_(std=(2 / weight.shape[1]) ** 0.5).clone() for weight in head)]


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_the_initial_weights_are_those_of_the_seed(seed: int) -> None:
    config = config_of(IMAGES, seed=seed, width=5)
    network = build_network(config, (1, 8, 8))
    found = [parameter for parameter in network.parameters() if parameter.dim() > 1]
    for weight, expected in zip(found, by_hand(seed, 5, config.K, config.L), strict=True):
        torch.testing.assert_close(weight.detach(), expected, rtol=1e-6, atol=0)


def test_drawing_them_leaves_torch_s_generator_as_it_was() -> None:
    before = torch.get_rng_state()
    build_network(config_of(IMAGES, seed=3), (1, 8, 8))
    assert torch.equal(torch.get_rng_state(), before)
