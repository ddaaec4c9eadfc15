"""A step with everything on the device is the step that a first course writes; only indices cross to the device."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from nccli.e2e.descent import AloneGradients, Descent
from nccli.e2e.device_images import DeviceImages, DeviceSet
from nccli.e2e.images import ImageSet, LabelledImages
from nccli.e2e.train import Training, train_network
from nccli.training.group import Group
from tests.e2e.image_files import config_of, image_set
from tests.oracle.plain_sgd import plain_descent

IMAGES = image_set(size=16)


@pytest.mark.parametrize("backbone", ["mlp", "small-cnn", "resnet20"])
@pytest.mark.parametrize("reg", ["dufm", "standard"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_are_those_of_plain_autograd_and_explicit_sgd(backbone: str, reg: str, momentum: float) -> None:
    config = config_of(
        IMAGES, backbone=backbone, reg=reg, momentum=momentum, steps=5, batch_size=20, clip=0, lr=1e-3, wd_rise=0.5
    )
    found = train_network(config, IMAGES).model
    for name, tensor in plain_descent(config, IMAGES).state_dict().items():
        far, size = float((found[name] - tensor).double().norm()), float(tensor.double().norm())
        assert far <= 2e-3 * size + 1e-5, f"{name}: {far / size}"


def test_a_step_on_a_long_gradient_is_as_long_as_the_bound_and_decay_is_not_clipped() -> None:
    fields: dict[str, Any] = {"momentum": 0.0, "steps": 1, "lr": 0.1, "batch_size": 48}
    for clip in (1e-3, 1e-2):
        config = config_of(IMAGES, **fields, clip=clip, wd_layers=(1e-9,) * 3)
        before = dict(Training(config, DeviceSet(IMAGES, "cpu")).network.named_parameters())
        after = train_network(config, IMAGES).model
        moved = torch.cat([(after[name] - each.detach()).flatten() for name, each in before.items()])
        assert float(moved.norm()) == pytest.approx(0.1 * clip, rel=1e-2)
    config = config_of(IMAGES, **fields, clip=1e-12, wd_layers=(0.5,) * 3)
    before = dict(Training(config, DeviceSet(IMAGES, "cpu")).network.named_parameters())
    after = train_network(config, IMAGES).model
    for name in ("head.layers.0.weight", "head.layers.2.weight"):
        torch.testing.assert_close(after[name], 0.95 * before[name].detach(), rtol=1e-5, atol=1e-6)


class Largest(TorchDispatchMode):
    """The most numbers of a tensor that is made, and all bytes that are copied from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Look at what an operation returns."""
        found = func(*args, **(kwargs or {}))
        for each in found if isinstance(found, tuple | list) else (found,):
            if isinstance(each, torch.Tensor) and each.untyped_storage().nbytes() < 150_000_000:
                self.numbers = max(self.numbers, each.numel())
        return found


def test_fifty_thousand_images_lie_there_once_as_bytes_and_steps_take_no_more_than_their_batch() -> None:
    N, B = 50_000, 100
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (N, 3, 32, 32), dtype=np.uint8)
    found = ImageSet("random", 10, LabelledImages(images, np.arange(N) % 10), None)
    data = DeviceSet(found, "cpu")
    pixels = data.train._pixels
    assert (pixels.dtype, pixels.untyped_storage().nbytes()) == (torch.uint8, 153_600_000)
    config = config_of(found, backbone="mlp", batch_size=B, steps=3, width=8)
    run = Training(config, data)
    run.network.train()
    with Largest() as largest:
        run.advance()
    weights = run.flat.layout.size
    assert largest.numbers <= max(B * 3072, weights, 256 * B, N)  # images of a batch, weights, indices ahead, an order
    assert torch.equal(data.train.labels[:10], torch.arange(10))


def test_images_come_normalised_whatever_order_they_lie_in() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 3, 5, 7), dtype=np.uint8)
    data = DeviceImages(LabelledImages(images, np.arange(40) % 4), "cpu")
    index = np.array([3, 39, 0, 3])
    wanted = (images - images.mean((0, 2, 3), keepdims=True)) / images.std((0, 2, 3), keepdims=True)
    found, labels = data.batch(index)
    np.testing.assert_allclose(found, wanted[index], atol=1e-5)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert labels.tolist() == [3, 3, 0, 3]
    np.testing.assert_array_equal(data.pixels(index, unit=False)[0], images[index])


class Idle(nn.Module):
    """A backbone with a parameter that has no part in its features, and one that is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.idle = nn.Linear(256, 6), nn.Linear(3, 3)
        self.fixed = nn.Parameter(torch.ones(6), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.flatten(1)) * self.fixed


def test_parameters_without_a_part_in_the_output_only_decay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.e2e.test_descent.make_idle", Idle, raising=False)
    config = config_of(IMAGES, backbone="tests.e2e.test_descent:make_idle", reg="standard", momentum=0.0, steps=4)
    before = dict(Training(config, DeviceSet(IMAGES, "cpu")).network.named_parameters())
    after = train_network(config, IMAGES).model
    decayed = (1 - config.lr * config.wd_layers[0]) ** 4
    torch.testing.assert_close(after["backbone.idle.weight"], decayed * before["backbone.idle.weight"].detach())
    assert torch.equal(after["backbone.fixed"], torch.ones(6))
    assert not torch.equal(after["backbone.linear.weight"], before["backbone.linear.weight"])


def test_an_exported_network_has_the_counts_of_batches_that_pytorch_would_have() -> None:
    config = config_of(IMAGES, steps=5)
    model = train_network(config, IMAGES).model
    assert int(model["backbone.1.num_batches_tracked"]) == 5
    network = plain_descent(config, IMAGES)
    network.load_state_dict(model)


@pytest.mark.parametrize("reg", ["dufm", "standard"])
def test_augmentation_moves_images_by_seed_and_step_and_whoever_takes_them(reg: str) -> None:
    config = config_of(IMAGES, augment=True, steps=6, reg=reg)
    first, second = (train_network(config, IMAGES).model for _ in range(2))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    other = train_network(config_of(IMAGES, steps=6, reg=reg), IMAGES).model
    assert not torch.equal(first["head.layers.0.weight"], other["head.layers.0.weight"])


@pytest.mark.parametrize("backbone", ["mlp", "small-cnn", "resnet20"])
@pytest.mark.parametrize("changes", [{}, {"augment": True, "wd_rise": 0.5}, {"precision": "bf16", "reg": "standard"}])
def test_a_step_asks_nothing_of_the_device(backbone: str, changes: dict[str, Any]) -> None:
    """Of tensors without values, every question about a value fails: what a graph could not hold."""
    run = Training(config_of(IMAGES, backbone=backbone, **changes), DeviceSet(IMAGES, "cpu"))
    descent = descent_of(run)
    descent.fill()
    with FakeTensorMode(allow_non_fake_inputs=True):
        descent.take()


class Asking(nn.Sequential):
    """A backbone that looks at a value on its way."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(256, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Its features, where there is anything to see."""
        found: torch.Tensor = super().forward(x)
        return found if float(x.abs().sum()) else 2 * found


def test_one_that_does_is_told_from_it() -> None:
    name = "tests.e2e.test_descent:Asking"
    descent = descent_of(Training(config_of(IMAGES, backbone=name), DeviceSet(IMAGES, "cpu")))
    descent.fill()
    with FakeTensorMode(allow_non_fake_inputs=True), pytest.raises(DataDependentOutputException):
        descent.take()


def descent_of(run: Training) -> Descent:
    """Of a run that has not begun."""
    run.network.train()
    gradients = AloneGradients(run.config, run.network, run.network)
    return Descent([run.config], [run.network], run.flat, run._data.train, gradients, Group(), 0)
