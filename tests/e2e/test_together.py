"""Runs that are trained side by side end as they would alone, up to rounding."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from nccli.e2e.checkpoint import RunCheckpoint
from nccli.e2e.config import E2eConfig
from nccli.e2e.descent import Descent
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.result import E2eResult, NetworkProgress
from nccli.e2e.together import SMALL, SideBySide, shape_of, train_together
from nccli.e2e.train import Training, train_network
from nccli.measure.tensor_file import read_torch_file
from nccli.training.group import Group
from nccli.training.watch import Watch
from tests.e2e.image_files import config_of, image_set

IMAGES = image_set()


def grid(**changes: object) -> list[E2eConfig]:
    """Three runs that differ in all that may differ."""
    first = config_of(IMAGES, steps=9, **changes)
    standard = first.reg == "standard"
    return [
        first,
        replace(first, seed=1, lr=0.4 * first.lr, wd_layers=(1e-3,) * first.L, wd_h1=0.0 if standard else 2e-3),
        replace(first, seed=2, init_scale=1.5),
    ]


def together(
    configs: list[E2eConfig],
    watches: list[Watch[NetworkProgress]] | None = None,
    checkpoints: list[RunCheckpoint | None] | None = None,
) -> list[E2eResult]:
    """In the order of the configurations."""
    count = len(configs)
    data = DeviceSet(IMAGES, "cpu")
    results = train_together(configs, data, watches or [Watch()] * count, checkpoints or [None] * count)
    found = {result.config: result for result in results}
    return [found[config] for config in configs]


def assert_same(found: E2eResult, wanted: E2eResult, rel: float = 2e-4, far: float = 0.0) -> None:
    """Up to rounding; in bfloat16 tensors are as far apart as they may be large."""
    assert (found.config, found.status, found.steps) == (wanted.config, wanted.status, wanted.steps)
    assert found.loss == pytest.approx(wanted.loss, rel=rel)
    assert [row["step"] for row in found.history] == [row["step"] for row in wanted.history]
    assert [row["loss"] for row in found.history] == pytest.approx([row["loss"] for row in wanted.history], rel=rel)
    for name, tensor in wanted.model.items():
        torch.testing.assert_close(found.model[name], tensor, rtol=5e-3, atol=1e-4 + far)


@pytest.mark.parametrize(
    ("backbone", "reg", "changes"),
    [
        ("mlp", "dufm", {"momentum": 0.0, "clip": 0.0, "schedule": "cosine", "lr": 1e-3}),
        ("mlp", "standard", {}),
        ("small-cnn", "dufm", {}),
        ("small-cnn", "standard", {"momentum": 0.0, "clip": 0.0, "schedule": "cosine", "lr": 1e-3}),
    ],
)
def test_each_run_is_as_if_it_were_alone(backbone: str, reg: str, changes: dict[str, object]) -> None:
    configs = grid(backbone=backbone, reg=reg, **changes)
    for found, config in zip(together(configs), configs, strict=True):
        assert_same(found, train_network(config, IMAGES))


@pytest.mark.parametrize("backbone", SMALL)
def test_in_bfloat16_each_run_is_as_if_it_were_alone_but_for_its_rounding(backbone: str) -> None:
    configs = [replace(config, steps=2) for config in grid(backbone=backbone, precision="bf16")]
    for found, config in zip(together(configs), configs, strict=True):
        assert_same(found, train_network(config, IMAGES), rel=0.05, far=0.2)


class Normed(nn.Sequential):
    """Normalisations between layers that bfloat16 is for on a CPU too."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, 6, bias=False), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 6))


def test_normalisations_side_by_side_are_in_float32_where_the_rest_is_in_bfloat16() -> None:
    """Of inputs in bfloat16, vmap's rule for them makes what the backward pass refuses: it crashed here too."""
    name = "tests.e2e.test_together:Normed"
    configs = grid(backbone=name, precision="bf16")
    for found, config in zip(together(configs), configs, strict=True):
        assert_same(found, train_network(config, IMAGES), rel=0.05, far=0.2)


def test_what_may_differ_leaves_the_shape_alone_and_the_rest_does_not() -> None:
    first, *others = grid()
    assert shape_of(grid(reg="standard")[0]) != shape_of(first)
    assert {shape_of(config) for config in others} == {shape_of(first)}
    for change in ({"width": 7}, {"steps": 4}, {"clip": 0.0}, {"backbone": "mlp"}, {"batch_size": 8}):
        assert shape_of(replace(first, **change)) != shape_of(first)


def test_a_run_that_diverges_leaves_the_others_alone() -> None:
    first, wild, last = grid(backbone="mlp", clip=0.0, lr=1e-3)
    found = together([first, replace(wild, lr=1e9), last])
    assert [result.status for result in found] == ["stopped", "diverged", "stopped"]
    assert_same(found[0], train_network(first, IMAGES))
    assert_same(found[2], train_network(last, IMAGES))


def test_runs_go_on_from_checkpoints_of_their_own_however_far_each_came(tmp_path: Path) -> None:
    configs = grid()
    paths = [tmp_path / f"{i}.pt" for i in range(3)]

    def interrupted_after(steps: int) -> Watch[NetworkProgress]:
        calls = iter(range(steps))
        return Watch(should_stop=lambda: next(calls, None) is None)

    checkpoints = [RunCheckpoint(path) for path in paths]
    halted = together(configs[:2], [interrupted_after(4) for _ in range(2)], checkpoints[:2])
    assert [result.status for result in halted] == ["interrupted"] * 2
    alone = train_network(configs[2], IMAGES, watch=interrupted_after(2), checkpoint=checkpoints[2])
    assert alone.steps == 3
    sizes = [sum(t.numel() for t in read_torch_file(path, "checkpoint")["model"].values()) for path in paths]
    assert sizes[0] == sizes[1] == sizes[2]
    assert paths[0].stat().st_size < 1.1 * paths[2].stat().st_size  # its own tensors, not those of its neighbours
    ended = together(configs, checkpoints=checkpoints)
    for found, config in zip(ended, configs, strict=True):
        assert_same(found, train_network(config, IMAGES))
    assert not any(path.exists() for path in paths)


def test_a_checkpoint_made_together_is_taken_up_alone(tmp_path: Path) -> None:
    configs = grid()[:2]
    path = tmp_path / "0.pt"
    calls = iter(range(8))
    watch = Watch[NetworkProgress](should_stop=lambda: next(calls, None) is None)
    together(configs, [watch, watch], [RunCheckpoint(path), None])
    run = Training(configs[0], DeviceSet(IMAGES, "cpu"), checkpoint=RunCheckpoint(path))
    assert_same(run.run(), train_network(configs[0], IMAGES))


@pytest.mark.parametrize("backbone", SMALL)
def test_a_step_of_all_asks_nothing_of_the_device(backbone: str) -> None:
    runs = [Training(config, DeviceSet(IMAGES, "cpu")) for config in grid(backbone=backbone)]
    data = DeviceSet(IMAGES, "cpu").train
    all_of_them = SideBySide(runs)
    configs, networks = [run.config for run in runs], [run.network.train() for run in runs]
    descent = Descent(configs, networks, all_of_them.flat, data, all_of_them, Group(), 0)
    descent.fill()
    with FakeTensorMode(allow_non_fake_inputs=True):
        descent.take()
