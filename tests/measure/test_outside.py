"""NC5, balancedness and what else is measured of weights, of networks and of files, as dense computations have them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nccli.e2e.device_images import DeviceImages
from nccli.e2e.images import LabelledImages
from nccli.errors import InputError
from nccli.measure.feature_file import read_features
from nccli.measure.feature_layers import measure_features
from nccli.measure.own_network import measure_network
from nccli.metrics import class_means
from nccli.metrics.balancedness import balancedness
from nccli.metrics.classifier import logit_norm
from nccli.metrics.out_of_distribution import nc5
from tests.e2e.image_files import patterns

K = 4
IMAGES, LABELS = patterns()
OTHERS = (255 - IMAGES)[::3]


def images(pixels: np.ndarray) -> DeviceImages:
    """A set on the CPU."""
    return DeviceImages(LabelledImages(pixels[:, None], np.zeros(len(pixels), dtype=np.int64)), "cpu")


def read(net: nn.Sequential, pixels: np.ndarray) -> np.ndarray:
    """What the last layer reads."""
    found: np.ndarray = net[:3](torch.from_numpy(pixels[:, None]).float() / 255).double().numpy()
    return found


def test_a_network_is_measured_against_another_set_and_by_the_matrices_of_its_modules() -> None:
    torch.manual_seed(0)
    size = IMAGES[0].size
    net = nn.Sequential(nn.Flatten(), nn.Linear(size, 6), nn.ReLU(), nn.Linear(6, K)).eval()
    data = DeviceImages(LabelledImages(IMAGES[:, None], LABELS), "cpu")
    found = measure_network(net, data, K, None, "flatten", "unit", outside=images(OTHERS))
    layers = {layer.name: layer for layer in found.layers}
    with torch.no_grad():
        hidden, outside = (read(net, X) for X in (IMAGES, OTHERS))
    means = class_means(hidden, LABELS)
    first, last = (net[i].weight.detach().double().numpy() for i in (1, 3))
    assert layers["3.input"].nc5 == pytest.approx(nc5(means, outside.mean(axis=0)), rel=1e-6)
    assert layers["3.input"].balancedness == pytest.approx(balancedness(last, first), rel=1e-12)
    bias = net[3].bias.detach().double().numpy()
    assert layers["3.input"].logit_norm == pytest.approx(logit_norm(last, bias, means), rel=1e-6)
    np.testing.assert_allclose(
        layers["1"].spectra["weight_spectrum"], np.linalg.svd(first, compute_uv=False), rtol=1e-12
    )
    centred = hidden - hidden.mean(axis=0)
    dense = np.linalg.svd(centred / np.sqrt(len(hidden)), compute_uv=False)
    np.testing.assert_allclose(layers["3.input"].spectra["feature_spectrum"], dense, rtol=1e-5, atol=1e-6)
    assert layers["1"].negative_share > 0, "a module may be before its activation"


def test_a_file_is_measured_against_another_file_of_the_same_layers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, other = rng.normal(size=(12, 5)), rng.normal(size=(7, 5))
    np.savez(tmp_path / "own.npz", features=X, labels=np.arange(12) % 3)
    np.savez(tmp_path / "other.npz", whatever=other)
    np.savez(tmp_path / "wide.npz", features=rng.normal(size=(7, 6)))
    file = read_features(tmp_path / "own.npz")
    (layer,), _, _ = measure_features(file, "flatten", tmp_path / "other.npz")
    assert layer.nc5 == pytest.approx(nc5(class_means(X, np.arange(12) % 3), other.mean(axis=0)), rel=1e-12)
    with pytest.raises(InputError, match="wanted is features of shape"):
        measure_features(file, "flatten", tmp_path / "wide.npz")
