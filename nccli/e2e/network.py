"""Backbone, then a head of L bias-free layers with ReLU between (Súkeník et al. 2024, section 6.2)."""

import math
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from nccli.e2e.backbones import build_backbone
from nccli.e2e.config import E2eConfig


class Head(nn.Module):
    """W_1, …, W_L without biases; σ is ReLU, as in the L-DUFM."""

    def __init__(self, features: int, width: int, K: int, L: int) -> None:
        """Layers of shape (width, features), (width, width) …, (K, width)."""
        super().__init__()
        sizes = [features, *([width] * (L - 1)), K]
        self.layers = nn.ModuleList(nn.Linear(before, after, bias=False) for before, after in pairwise(sizes))

    def forward(self, features: Float[Tensor, "B d1"]) -> Float[Tensor, "B K"]:
        """W_L σ(… W_1 H_1)."""
        *hidden, last = self.layers
        for layer in hidden:
            features = functional.relu(layer(features))
        out: Tensor = last(features)
        return out

    def stages(self, features: Float[Tensor, "B d1"]) -> tuple[list[tuple[int, str, Tensor]], Float[Tensor, "B K"]]:
        """(layer, stage, features) in the order of `nccli.catalogue.stages.stages`, and the output."""
        found = [(1, "post", features)]
        *hidden, last = self.layers
        for index, layer in enumerate(hidden, 2):
            pre = layer(features)
            features = functional.relu(pre)
            found += [(index, "pre", pre), (index, "post", features)]
        return found, last(features)

    @property
    def weights(self) -> list[nn.Parameter]:
        """W_1, …, W_L."""
        return [layer.weight for layer in self.layers]  # type: ignore[misc]  # ModuleList does not say of what


class Network(nn.Module):
    """Backbone and head."""

    def __init__(self, backbone: nn.Module, head: Head) -> None:
        """Both with their initial weights."""
        super().__init__()
        self.backbone, self.head = backbone, head
        self.autocast = False

    def features(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B d1"]:
        """H_1, in float32 also where the backbone computes in less."""
        if self.autocast and self.training:
            with torch.autocast(images.device.type, torch.bfloat16):
                out: Tensor = self.backbone(images)
        else:
            out = self.backbone(images)
        return out.float()

    def forward(self, images: Float[Tensor, "B C H W"]) -> tuple[Float[Tensor, "B d1"], Float[Tensor, "B K"]]:
        """H_1 and the output."""
        features = self.features(images)
        return features, self.head(features)


def build_network(config: E2eConfig, shape: tuple[int, int, int]) -> Network:
    """The network of a run at its initial weights, on the CPU: a function of its configuration alone.

    PyTorch's own linear init has variance 1/(3 in), so that with ReLU a signal loses a factor √6 a layer. The gradient
    of each W_l carries that factor of all the others, weight decay does not; with λ = 0.005 the head slid to the
    trivial zero solution before the fit could grow (1000 images of MNIST, L = 4). He et al. (2015) keep the signal:
    variance 2/in.

    Raises:
        InputError: as `build_backbone`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        backbone, size = build_backbone(config.backbone, shape)
        head = Head(size, config.width, config.K, config.L)
        with torch.no_grad():
            for weight in head.weights:
                if config.init == "he":
                    nn.init.normal_(weight, std=math.sqrt(2 / weight.shape[1]))
                weight.mul_(config.init_scale)
    return Network(backbone, head)
