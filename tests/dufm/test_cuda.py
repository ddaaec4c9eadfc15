"""A GPU takes the steps of the CPU, many of them in one launch."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from nccli.dufm.arrays import numpy_array
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.cuda_graph import _STEPS, GraphSteps
from nccli.dufm.engine import Engine
from nccli.dufm.measurement import measure
from nccli.dufm.optimizers import OPTIMIZERS
from nccli.dufm.placement import make_steps
from nccli.dufm.plain import PlainSteps
from nccli.dufm.train import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU here")

BASE = DufmConfig(
    K=4, L=4, n=3, width=16, wd_h1=2e-3, wd_layers=(2e-3,) * 4, lr=0.1, steps=1000, seed=0, dtype="float64", tol=0.0
)
MOMENTUM = {"gd": 0.0, "heavy-ball": 0.9, "nesterov": 0.8, "adam": 0.9}


def configurations(optimizer: str = "gd", **changes: object) -> list[DufmConfig]:
    lr = 0.005 if optimizer == "adam" else 0.1 * (1 - MOMENTUM[optimizer])
    shared = replace(BASE, optimizer=optimizer, momentum=MOMENTUM[optimizer], **changes)  # type: ignore[arg-type]
    return [replace(shared, seed=seed, lr=lr * (1 + seed), wd_h1=1e-3 * (1 + seed)) for seed in range(3)]


def assert_same(one: Batch, other: Batch, rtol: float, atol: float) -> None:
    """Parameters and moments."""
    for here, there in zip(one.held, other.held, strict=True):
        for a, b in zip(here.stored, there.stored, strict=True):
            np.testing.assert_allclose(numpy_array(a), numpy_array(b), rtol=rtol, atol=atol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gpu_starts_from_the_bits_of_the_cpu(dtype: str) -> None:
    here = Batch.start(configurations(dtype=dtype))
    there = Engine.of(here, "cuda").batch
    assert there.parameters.features.device.type == "cuda"
    assert_same(there, here, rtol=0, atol=0)


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_a_thousand_steps_in_float32_end_at_the_loss_of_the_cpu(activation: str) -> None:
    configs = configurations(activation=activation, dtype="float32")
    here, there = ({result.config: result for result in train(configs, device)} for device in ("cpu", "cuda"))
    for config in configs:
        assert there[config].steps == here[config].steps == 1000
        assert there[config].loss == pytest.approx(here[config].loss, rel=1e-5)
        assert [layer.rank for layer in there[config].layers] == [layer.rank for layer in here[config].layers]


def test_the_steps_of_a_gpu_are_those_of_a_graph() -> None:
    assert isinstance(make_steps(Batch.start(configurations()), "cuda", True, 2, 1), GraphSteps)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_of_a_graph_equal_plain_steps(optimizer: str, schedule: str) -> None:
    """In stretches that are no multiple of the length of a graph, on the GPU and on the CPU."""
    configs = configurations(optimizer, schedule=schedule)
    graph, here = Batch.start(configs), Batch.start(configs)
    plain = Engine.of(Batch.start(configs), "cuda")
    steps, first = GraphSteps(graph), 0
    for count in (3, _STEPS, 2 * _STEPS + 7, 1):
        steps.advance(first, count)
        first += count
    steps.sync()
    paces = configs[0].paces(0, first)
    plain.advance(first, None if paces is None else paces.tolist())
    PlainSteps(here).advance(0, first)
    assert_same(graph, plain.batch, rtol=1e-10, atol=1e-13)
    assert_same(graph, here, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_of_a_graph_equal_plain_steps_in_the_reduced_form(optimizer: str) -> None:
    configs = configurations(optimizer, schedule="linear")
    graph, here = Batch.start(configs).collapsed(), Batch.start(configs).collapsed()
    steps = GraphSteps(graph)
    steps.advance(0, _STEPS + 5)
    steps.sync()
    PlainSteps(here).advance(0, _STEPS + 5)
    assert_same(graph, here, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_capture_does_not_move_the_point(optimizer: str) -> None:
    batch = Batch.start(configurations(optimizer, schedule="cosine"))
    steps = GraphSteps(batch)
    steps.advance(0, 5)
    steps.sync()
    before = batch.double()
    with torch.no_grad():
        steps._graph(_STEPS)
        torch.cuda.synchronize()
    steps.sync()
    assert_same(batch, before, rtol=0, atol=0)


@pytest.mark.parametrize("optimizer", ["gd", "heavy-ball", "adam"])
def test_a_gpu_measures_what_the_cpu_measures(optimizer: str) -> None:
    here = Batch.start(configurations(optimizer))
    PlainSteps(here).advance(0, 20)
    one, other = measure(here), measure(Engine.of(here, "cuda").batch)
    for name in ("fit", "reg", "grad_norm", "dnc1", "deviation"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-8)
    for name in ("rank", "aligned", "finite"):
        assert getattr(other, name).tolist() == getattr(one, name).tolist()


def test_a_diverging_run_leaves_the_others_alone_on_a_gpu() -> None:
    good, bad = replace(BASE, steps=300), replace(BASE, steps=300, lr=1000.0)
    results = {result.config: result for result in train([good, bad], "cuda")}
    (alone,) = train([good], "cpu")
    assert results[bad].status == "diverged"
    assert math.isfinite(results[good].loss)
    assert results[good].loss == pytest.approx(alone.loss, rel=1e-8)
