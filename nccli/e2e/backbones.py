"""Backbones: networks from images to features H_1, by name."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from nccli.e2e.resnet20 import ResNet20
from nccli.errors import InputError
from nccli.measure.factory import call_factory

OWN = ("resnet20", "small-cnn", "mlp")


def build_backbone(name: str, shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
    """A backbone with fresh weights from torch's global random numbers, and the size of its features.

    Args:
        name: "resnet20"; "small-cnn" (three convolutions of stride 2, 16, 32 and 64 channels, and the mean over
            positions); "mlp" (two hidden layers of 256, features of size 64); a name of torchvision.models, whose last
            linear layer is removed; or "pkg.module:factory", a function that returns a module from images
            (B, C, H, W) to features (B, d) and may take the keyword `shape`; for features of a wanted size at the
            start it has a method `feeding_norms`. Modules are also looked for in the current folder.
        shape: (C, H, W) of the images.

    Raises:
        InputError: no such backbone, or one that does not work with these images.
    """
    channels, height, width = shape
    if name == "resnet20":
        backbone: nn.Module = ResNet20(channels)
    elif name == "small-cnn":
        backbone = _small_cnn(channels)
    elif name == "mlp":
        backbone = _mlp(channels * height * width)
    elif ":" in name:
        backbone = call_factory(name, shape=shape)
    else:
        backbone = _from_torchvision(name, channels)
    return backbone, _feature_size(name, backbone, shape)


class _Repeated(nn.Module):
    """A network for colour images, shown grey ones three times."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Float[Tensor, "B 1 h w"]) -> Tensor:
        """The same image in each channel."""
        out: Tensor = self.network(x.expand(-1, 3, -1, -1))
        return out


def _small_cnn(channels: int) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in ((channels, 16), (16, 32), (32, 64)):
        conv = nn.Conv2d(before, after, 3, 2, 1, bias=False)
        nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return _SmallCnn(*layers, _Mean())


class _Mean(nn.Module):
    """The mean over positions; a sum over rows of channels, so that gradients lie channels last as images do."""

    def forward(self, x: Float[Tensor, "B channels h w"]) -> Float[Tensor, "B channels"]:
        """As nn.AdaptiveAvgPool2d(1) and nn.Flatten, whose gradients every ReLU before them would have to re-order."""
        return x.permute(0, 2, 3, 1).flatten(1, 2).mean(dim=1)


class _SmallCnn(nn.Sequential):
    """Convolutions, and the mean over positions."""

    def feeding_norms(self) -> Sequence[nn.Module]:
        """The last normalisation."""
        return [module for module in self.children() if isinstance(module, nn.BatchNorm2d)][-1:]


def _mlp(inputs: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in ((inputs, 256), (256, 256), (256, 64)):
        linear = nn.Linear(before, after)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _from_torchvision(name: str, channels: int) -> nn.Module:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise InputError(
            f"--backbone {name}: must be {', '.join(OWN)}, pkg.module:factory, or a name of torchvision.models "
            "such as resnet18"
        )
    special: dict[str, Any] = {"aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    network = models.get_model(name, weights=None, **special, **({"init_weights": True} if special else {}))
    linear = [path for path, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise InputError(f"--backbone {name}: it ends in no linear layer that could be removed")
    parent, _, last = linear[-1].rpartition(".")
    setattr(network.get_submodule(parent), last, nn.Identity())
    return network if channels == 3 else _Repeated(network)


def _feature_size(name: str, backbone: nn.Module, shape: tuple[int, int, int]) -> int:
    """Features of two black images, in eval mode."""
    was = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            features = backbone(torch.zeros(2, *shape))
    except Exception as error:  # whatever a network raises on images that do not fit
        said = " ".join(str(error).split())[:160]
        raise InputError(f"backbone {name} does not take images of shape {shape}: {said}") from error
    finally:
        backbone.train(was)
    if not isinstance(features, Tensor) or features.dim() != 2 or len(features) != 2:
        found = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise InputError(f"backbone {name}: two images give {found}; features must have shape (samples, d)")
    return features.shape[1]
