"""Networks of libraries by name: with an output a class, for images of any number of channels, and never fetched."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from nccli.e2e.device_images import DeviceImages
from nccli.e2e.images import LabelledImages
from nccli.errors import InputError
from nccli.measure.libraries import make_network
from nccli.measure.own_network import measure_network

rng = np.random.default_rng(0)


def images(channels: int) -> DeviceImages:
    """Some noise in four classes."""
    pixels = rng.integers(0, 256, (12, channels, 32, 32)).astype(np.uint8)
    return DeviceImages(LabelledImages(pixels, np.arange(12) % 4), "cpu")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_of_torchvision_is_measured_to_its_classifier(channels: int) -> None:
    net = make_network("torchvision:resnet18", (channels, 32, 32), 4)
    found = measure_network(net, images(channels), 4, "avgpool|fc", "flatten", "unit")
    names = [layer.name for layer in found.layers]
    assert names[-3:] == ["avgpool", "fc.input", "fc"]
    assert found.layers[-2].nc4 is not None
    assert found.grey == (channels == 1)


def test_a_small_budget_leaves_out_the_matrices_of_large_maps_only() -> None:
    net = make_network("torchvision:resnet18", (3, 32, 32), 4)
    found = measure_network(net, images(3), 4, "maxpool|avgpool|fc", "flatten", "unit", 2**25)
    left_out = {layer.name: layer.nc1_pinv is None for layer in found.layers}
    assert left_out["maxpool"]
    assert not left_out["fc.input"]
    assert [name for name, out in left_out.items() if out] == found.without_matrix
    assert all(layer.dnc1 is not None and layer.etf_distance is not None for layer in found.layers)


class Library(ModuleType):
    """Stands for timm and transformers where they are not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.asked: dict[str, Any] = {}

    def is_model(self, name: str) -> bool:
        """As timm has it."""
        return name == "tiny"

    def list_models(self) -> list[str]:
        """As timm has it."""
        return ["tiny", "tinier"]

    def create_model(self, name: str, **options: Any) -> nn.Module:
        """As timm has it, of a network for images of any size."""
        if "img_size" in options:
            raise TypeError("img_size")
        self.asked = {"name": name, **options}
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(options["num_classes"]))


class Config(SimpleNamespace):
    """As transformers has it."""

    num_labels, num_channels, image_size = 2, 3, 224


class TinyForImageClassification(nn.Module):
    """As transformers has it."""

    config_class = Config

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.head = nn.Linear(config.num_channels * config.image_size**2, config.num_labels)

    def forward(self, x: Tensor) -> SimpleNamespace:
        """An object with logits."""
        return SimpleNamespace(hidden_states=x, logits=self.head(x.flatten(1)))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    """Both libraries in one."""
    made = Library("timm")
    made.TinyForImageClassification = TinyForImageClassification  # type: ignore[attr-defined]  # as a module has it
    monkeypatch.setitem(sys.modules, "timm", made)
    monkeypatch.setitem(sys.modules, "transformers", made)
    return made


def test_timm_makes_a_fresh_network_for_these_images_and_classes(library: Library) -> None:
    make_network("timm:tiny", (1, 8, 8), 5)
    assert library.asked == {"name": "tiny", "pretrained": False, "num_classes": 5, "in_chans": 1}
    with pytest.raises(InputError, match="near it: tinier"):
        make_network("timm:tinie", (1, 8, 8), 5)


def test_a_class_of_transformers_gets_a_config_for_these_images_and_classes(library: Library) -> None:
    net = make_network("transformers:TinyForImageClassification", (1, 32, 32), 4)
    found = measure_network(net, images(1), 4, None, "flatten", "unit")
    assert [layer.name for layer in found.layers] == ["head.input", "head"]
    with pytest.raises(InputError, match="nothing is fetched"):
        make_network("transformers:someone/tiny", (1, 32, 32), 4)


def test_libraries_come_before_modules_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: Library
) -> None:
    (tmp_path / "timm.py").write_text("def tiny(): raise RuntimeError\n")
    monkeypatch.chdir(tmp_path)
    make_network("timm:tiny", (1, 8, 8), 5)


def test_a_library_that_is_not_there_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"pip install 'nccli\[timm\]'"):
        make_network("timm:resnet18d", (3, 8, 8), 5)
