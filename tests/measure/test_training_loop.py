"""A probe in a loop of one's own: NC4, labels of any kind, a flat dictionary for loggers."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nccli.errors import InputError
from nccli.measure.probe import LayerProbe
from nccli.metrics import class_statistics, nearest_class_mean_disagreement

K, N, D = 3, 30, 5
X = torch.randn(N, D, generator=torch.Generator().manual_seed(0))
Y = torch.arange(N) % K


@pytest.fixture
def net() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(D, 4), nn.ReLU(), nn.Linear(4, K)).eval()


def probed(net: nn.Module, labels: Any = Y, **options: Any) -> LayerProbe:
    probe = LayerProbe(net, K, classifier="2", **options)
    with torch.no_grad(), probe:
        for start in range(0, N, 8):
            probe.observe(labels[start : start + 8])
            net(X[start : start + 8])
    return probe


def test_nc4_is_that_of_a_dense_computation(net: nn.Sequential) -> None:
    with torch.no_grad():
        H, predicted = net[:2](X).double().numpy(), net(X).argmax(dim=1).numpy()
    means = class_statistics(H, Y.numpy(), K).means
    found = {layer.name: layer.metrics() for layer in probed(net).layers}
    assert found["2.input"].nc4 == nearest_class_mean_disagreement(H, means, predicted) > 0
    assert found["2"].nc4 is None


def test_nc4_needs_memory_and_says_so(net: nn.Sequential) -> None:
    small = probed(net, nc4_bytes=100)
    (layer,) = (each for each in small.layers if each.name == "2.input")
    assert layer.nc4 is None
    assert "nc4_bytes" in small.remarks["2.input"]
    assert layer.metrics().self_duality is not None


def test_samples_without_a_class_are_in_no_metric(net: nn.Sequential) -> None:
    some = torch.where(torch.arange(N) < 12, Y, -1)
    expected = LayerProbe(net, K, classifier="2")
    with torch.no_grad(), expected:
        expected.observe(Y[:12])
        net(X[:12])
    assert probed(net, some).log() == pytest.approx(expected.log(), rel=1e-9)


@pytest.mark.parametrize(
    "labels",
    [Y.numpy(), Y.tolist(), Y.int(), Y.float(), Y[:, None], torch.eye(K)[Y], Y.to(torch.uint8)],
    ids=["array", "list", "int32", "floats", "column", "one-hot", "bytes"],
)
def test_labels_of_any_kind_give_the_same(net: nn.Sequential, labels: Any) -> None:
    assert probed(net, labels).log() == probed(net).log()


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (Y + 1, "label 3 is out of range: labels are 0..2"),
        (Y - 2, "label -2 is out of range"),
        (Y + 0.5, "not whole"),
        (torch.rand(N, K), "argmax"),
        (["cat"] * N, "wanted are integers"),
        (Y[:0], "shape"),
        (None, "wanted are integers"),
    ],
    ids=["from 1", "negative", "halves", "scores", "strings", "none", "nothing"],
)
def test_bad_labels_are_our_own_error_before_anything_is_counted(net: nn.Sequential, labels: Any, said: str) -> None:
    probe = LayerProbe(net, K, classifier="2")
    with torch.no_grad(), probe:
        with pytest.raises(InputError, match=said):
            probe.observe(labels)
        probe.observe(Y)
        net(X)
    assert probe.log() == pytest.approx(probed(net).log(), rel=1e-6)


def test_another_number_of_labels_than_samples_is_an_error_of_the_pass(net: nn.Sequential) -> None:
    probe = LayerProbe(net, K)
    probe.observe(Y[1:])
    with probe, pytest.raises(InputError, match="29 labels for a batch of 30"):
        net(X)


def test_the_log_is_flat_finite_and_by_layer(net: nn.Sequential) -> None:
    probe = probed(net)
    log = probe.log("train/")
    assert all(type(name) is str and type(value) is float and np.isfinite(value) for name, value in log.items())
    by_name = {layer.name: layer.metrics() for layer in probe.layers}
    assert {name.split("/")[1] for name in log} == set(by_name)
    assert log["train/0/dnc1"] == by_name["0"].dnc1
    assert log["train/2.input/nc4"] == by_name["2.input"].nc4
    assert log["train/2.input/rank"] == by_name["2.input"].rank
