"""Backbones by name: features of a definite size, or one clear line."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from nccli.e2e.backbones import build_backbone
from nccli.errors import InputError
from tests.oracle.plain_resnet20 import plain_resnet20


@pytest.mark.parametrize(
    ("name", "shape", "size"),
    [
        ("resnet20", (1, 28, 28), 64),
        ("resnet20", (3, 32, 32), 64),
        ("small-cnn", (1, 28, 28), 64),
        ("mlp", (3, 8, 8), 64),
        ("resnet18", (3, 32, 32), 512),
        ("resnet18", (1, 32, 32), 512),
        ("mobilenet_v3_small", (3, 32, 32), 1024),
    ],
)
def test_features_have_the_size_that_is_told(name: str, shape: tuple[int, int, int], size: int) -> None:
    backbone, told = build_backbone(name, shape)
    assert told == size
    assert backbone.eval()(torch.rand(3, *shape)).shape == (3, size)


def test_resnet20_has_the_parameters_of_its_paper() -> None:
    backbone, _ = build_backbone("resnet20", (3, 32, 32))
    assert sum(p.numel() for p in backbone.parameters()) == pytest.approx(0.27e6, rel=0.01)
    assert sum(isinstance(module, nn.Conv2d) for module in backbone.modules()) == 19


@pytest.mark.parametrize("size", [28, 27, 32])
def test_resnet20_and_its_gradients_are_those_of_its_definition(size: int) -> None:
    backbone = build_backbone("resnet20", (1, size, size))[0].double()
    images = torch.rand(4, 1, size, size, dtype=torch.float64)
    directions = torch.randn(4, 64, dtype=torch.float64)
    found, wanted = backbone(images), plain_resnet20(backbone, images)
    torch.testing.assert_close(found, wanted)
    parameters = list(backbone.parameters())
    torch.testing.assert_close(
        torch.autograd.grad((found * directions).sum(), parameters),
        torch.autograd.grad((wanted * directions).sum(), parameters),
    )


def test_a_function_of_the_user_is_called_with_what_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_nets.py").write_text(
        "from torch import nn\n"
        "def plain(): return nn.Flatten()\n"
        "def shaped(shape): return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], 5))\n"
        "def image(): return nn.Identity()\n"
        "def number(): return 3\n"
        "def broken(): raise RuntimeError('no luck')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert build_backbone("their_nets:plain", (1, 4, 4))[1] == 16
    assert build_backbone("their_nets:shaped", (1, 4, 4))[1] == 5
    for name, said in (
        ("image", "must have shape"),
        ("number", "returns int"),
        ("broken", "no luck"),
        ("none", "no attribute 'none'"),
    ):
        with pytest.raises(InputError, match=said):
            build_backbone(f"their_nets:{name}", (1, 4, 4))


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("resnet21", (3, 32, 32), "must be resnet20, small-cnn, mlp"),
        ("alexnet", (3, 16, 16), "does not take images"),
        ("squeezenet1_0", (3, 64, 64), "no linear layer"),
        ("no_such_module:f", (3, 8, 8), "importable from here"),
    ],
)
def test_a_backbone_that_cannot_be_is_refused(name: str, shape: tuple[int, int, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build_backbone(name, shape)
