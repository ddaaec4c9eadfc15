"""A probe sees what a dense computation sees, of any layer, and says what it did not see and why."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nccli.e2e.device_images import DeviceImages
from nccli.e2e.images import LabelledImages
from nccli.errors import InputError
from nccli.measure.own_network import measure_network
from nccli.measure.probe import LayerProbe
from nccli.metrics import class_statistics, nearest_class_mean_disagreement, self_duality
from tests.e2e.image_files import patterns

K = 4
IMAGES, LABELS = patterns()
X = torch.from_numpy(IMAGES[:, None]).float() / 255
Y = torch.from_numpy(LABELS)


class Net(nn.Module):
    """Convolution, shared activation, classifier, and a module that returns a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3, stride=2)
        self.act = nn.ReLU()
        self.hidden = nn.Linear(27, 6)
        self.pair = Pair()
        self.unused = nn.Linear(2, 2)
        self.out = nn.Linear(6, K)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.act(self.conv(x)).flatten(1)
        x, _ = self.pair(self.act(self.hidden(x)))
        out: Tensor = self.out(x)
        return out


class Pair(nn.Module):
    """Returns its input twice."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The same again."""
        return x, x


@pytest.fixture
def net() -> Net:
    """With weights that do not change."""
    torch.manual_seed(0)
    return Net().eval()


def probed(net: Net, **options: object) -> LayerProbe:
    """A probe that saw all samples, a few at a time."""
    probe = LayerProbe(net, K, **options)  # type: ignore[arg-type]
    with torch.no_grad(), probe:
        for start in range(0, len(X), 10):
            probe.observe(Y[start : start + 10])
            net(X[start : start + 10])
    return probe


def test_layers_are_measured_as_a_dense_computation_does(net: Net) -> None:
    found = {layer.name: layer for layer in probed(net).layers}
    with torch.no_grad():
        conv = net.conv(X)
    whole = class_statistics(conv.flatten(1).numpy(), LABELS, K)
    np.testing.assert_allclose(found["conv"].statistics.within, whole.within, atol=1e-7)
    assert found["conv"].metrics().dnc1 == pytest.approx(whole.dnc1, rel=1e-5)
    pooled = {layer.name: layer for layer in probed(net, pool="mean").layers}
    np.testing.assert_allclose(
        pooled["conv"].statistics.means, class_statistics(conv.mean(dim=(2, 3)).numpy(), LABELS, K).means, atol=1e-6
    )


def test_what_was_not_measured_is_named_with_its_reason(net: Net) -> None:
    probe = probed(net)
    assert [layer.name for layer in probe.layers] == ["conv", "hidden", "pair", "out"]
    assert "several times" in probe.skipped["act"]
    assert "never ran" in probe.skipped["unused"]
    assert probe.remarks == {"pair": "'[0]' of its output"}


def test_of_a_layer_whose_matrix_does_not_fit_all_but_nc1_pinv_is_measured(net: Net) -> None:
    probe = probed(net, layers="conv|hidden|out", most_bytes=8 * (27**2 + 10))
    whole = {layer.name: layer.metrics() for layer in probed(net, layers="conv|hidden|out").layers}
    assert probe.without_matrix == ["conv"]
    for layer in probe.layers:
        found, wanted = layer.metrics().values, dict(whole[layer.name].values)
        if layer.name == "conv":
            for of_matrix in ("nc1_pinv", "feature_effective_rank", "feature_stable_rank"):
                assert found[of_matrix] is None
                wanted[of_matrix] = None
        assert found == wanted


def test_class_means_that_do_not_fit_are_skipped_but_for_the_classifier_and_its_input(net: Net) -> None:
    probe = probed(net, classifier="out", most_bytes=8)
    assert [layer.name for layer in probe.layers] == ["out.input", "out"]
    assert "class means take" in probe.skipped["conv"]


def test_hooks_are_gone_after_the_block_and_passes_without_labels_do_not_count(net: Net) -> None:
    probe = probed(net, layers="hidden")
    (before,) = probe.layers
    net(X)
    np.testing.assert_array_equal(probe.layers[0].statistics.counts, before.statistics.counts)
    assert not any(module._forward_hooks for module in net.modules())


def test_bfloat16_networks_are_measured_in_float64(net: Net) -> None:
    half = net.to(torch.bfloat16)
    probe = LayerProbe(half, K, layers="hidden")
    with torch.no_grad(), probe:
        probe.observe(Y)
        half(X.to(torch.bfloat16))
    with torch.no_grad():
        dense = half.hidden(half.act(half.conv(X.to(torch.bfloat16))).flatten(1)).double().numpy()
    assert probe.layers[0].statistics.dnc1 == pytest.approx(class_statistics(dense, LABELS, K).dnc1, rel=1e-10)


@pytest.mark.parametrize(("layers", "said"), [("nothing", "matches no layer"), ("(", "not a regular expression")])
def test_a_filter_that_finds_nothing_is_refused(net: Net, layers: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        LayerProbe(net, K, layers)


def test_the_classifiers_input_has_nc3_and_nc4(net: Net) -> None:
    data = DeviceImages(LabelledImages(IMAGES[:, None], LABELS), "cpu")
    found = measure_network(net, data, K, None, "flatten", "unit")
    (last,) = (layer for layer in found.layers if layer.name == "out.input")
    with torch.no_grad():
        H = net.act(net.hidden(net.act(net.conv(X)).flatten(1)))
        predicted = net.out(H).argmax(dim=1).numpy()
    whole = class_statistics(H.numpy(), LABELS, K)
    assert last.collapse is not None
    assert last.collapse.self_duality == pytest.approx(
        self_duality(net.out.weight.detach().numpy(), whole.centred_means), rel=1e-6
    )
    assert last.collapse.nc4 == nearest_class_mean_disagreement(H.numpy(), whole.means, predicted)
    assert found.accuracy == np.mean(predicted == LABELS)


def test_an_output_that_does_not_fit_the_classes_is_refused(net: Net) -> None:
    data = DeviceImages(LabelledImages(IMAGES[:, None], LABELS % 3), "cpu")
    with pytest.raises(InputError, match="K = 3 classes"):
        measure_network(net, data, 3, None, "flatten", "unit")


def test_the_example_of_the_guide_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[2] / "examples" / "guide" / "measuring.md").read_text()
    code = text.partition("<!-- test: probe -->\n```python\n")[2].partition("```")[0]
    torch.manual_seed(0)
    layer4 = nn.Conv2d(1, 3, 3)
    model = nn.Sequential()
    for name, module in (("layer4", layer4), ("flat", nn.Flatten()), ("fc", nn.Linear(108, 10))):
        model.add_module(name, module)
    images, labels = patterns(10, 3)
    loader = [(torch.from_numpy(images[:, None]).float(), torch.from_numpy(labels))]
    exec(code, {"torch": torch, "model": model, "loader": loader})  # our own page
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[:3]] == ["layer4", "fc.input", "fc"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_of_another_precision_gets_its_images_in_it(net: Net, dtype: torch.dtype) -> None:
    data = DeviceImages(LabelledImages(IMAGES[:, None], LABELS), "cpu")
    wanted = measure_network(net, data, K, None, "flatten", "unit")
    found = measure_network(net.to(dtype), data, K, None, "flatten", "unit")
    for layer, reference in zip(found.layers, wanted.layers, strict=True):
        assert (layer.name, layer.rank) == (reference.name, reference.rank)
        assert layer.dnc1 == pytest.approx(reference.dnc1, rel=0.03)


class WithFeatures(nn.Module):
    """Returns its features beside its logits, as an object or as a dictionary."""

    def __init__(self, net: Net, as_mapping: bool) -> None:
        super().__init__()
        self.net, self.as_mapping = net, as_mapping

    def forward(self, x: Tensor) -> object:
        """What a network of a model hub returns."""
        parts = {"features": x, "logits": self.net(x)}
        return parts if self.as_mapping else SimpleNamespace(**parts)


@pytest.mark.parametrize("as_mapping", [True, False])
def test_a_network_may_return_more_than_its_logits(net: Net, as_mapping: bool) -> None:
    data = DeviceImages(LabelledImages(IMAGES[:, None], LABELS), "cpu")
    wanted = measure_network(net, data, K, None, "flatten", "unit")
    found = measure_network(WithFeatures(net, as_mapping), data, K, None, "flatten", "unit")
    assert found.accuracy == wanted.accuracy
    assert [layer.name for layer in found.layers] == [f"net.{layer.name}" for layer in wanted.layers]
    by_name = {layer.name: layer.collapse for layer in found.layers}
    assert by_name["net.out.input"] == {layer.name: layer.collapse for layer in wanted.layers}["out.input"]
