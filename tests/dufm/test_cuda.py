"""A GPU takes the steps of the CPU, many of them in one launch."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from nccli.dufm.arrays import numpy_array
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.cuda_graph import _STEPS, GraphSteps
from nccli.dufm.engine import Engine
from nccli.dufm.fused import FusedSteps
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


def test_a_thousand_linear_steps_in_float32_end_at_the_loss_of_the_cpu() -> None:
    configs = configurations(activation="linear", dtype="float32")
    here, there = ({result.config: result for result in train(configs, device)} for device in ("cpu", "cuda"))
    for config in configs:
        assert there[config].steps == here[config].steps == 1000
        assert there[config].loss == pytest.approx(here[config].loss, rel=1e-5)
        assert [layer.rank for layer in there[config].layers] == [layer.rank for layer in here[config].layers]


def test_relu_runs_in_float32_end_as_often_in_each_rank_as_on_the_cpu() -> None:
    """Rounding decides at a kink which side a run goes to, so that runs differ, and their counts hardly do."""
    shared = replace(BASE, K=6, n=1, width=12, lr=0.5, wd_h1=4e-3, wd_layers=(4e-3,) * 4, steps=4000, dtype="float32")
    configs = [replace(shared, seed=seed) for seed in range(48)]
    counts = []
    for device in ("cpu", "cuda"):
        counts.append(Counter(result.layers[2].rank for result in train(configs, device)))
    assert sum(abs(counts[0][rank] - counts[1][rank]) for rank in range(7)) <= 16


@pytest.mark.parametrize("reduced", [False, True])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("activation", ["linear", "relu", "relu-last"])
@pytest.mark.parametrize(("K", "n", "width"), [(4, 1, 16), (10, 1, 64), (10, 5, 30), (7, 9, 40)])
def test_fused_steps_are_those_of_float64(
    K: int, n: int, width: int, activation: str, schedule: str, reduced: bool
) -> None:
    """So few that no run crosses a kink."""
    shared = {"K": K, "n": n, "width": width, "activation": activation, "schedule": schedule, "dtype": "float32"}
    batch = Batch.start(configurations(**shared))
    batch = batch.collapsed() if reduced else batch
    exact = batch.double()
    steps = make_steps(batch, "cuda", True, 2, 1)
    assert isinstance(steps, FusedSteps)
    steps.advance(0, 13)
    steps.advance(13, 7)
    steps.sync()
    paces = batch.configs[0].paces(0, 20)
    Engine.of(exact).advance(20, None if paces is None else paces.tolist())
    for one, other in zip(batch.parameters.all, exact.parameters.all, strict=True):
        assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other)
    assert steps.measure().fit == pytest.approx(measure(batch).fit, rel=1e-6)


def test_fused_runs_have_the_same_bits_in_any_company() -> None:
    many = [replace(BASE, K=10, n=1, width=64, dtype="float32", seed=seed) for seed in range(900)]
    whole, alone = Batch.start(many), Batch.start(many[450:451])
    one, other = make_steps(whole, "cuda", True, 2, 1), make_steps(alone, "cuda", True, 2, 1)
    one.advance(0, 300)
    other.advance(0, 200)
    other.advance(200, 100)
    one.sync()
    other.sync()
    for together, by_itself in zip(whole.select([450]).parameters.stored, alone.parameters.stored, strict=True):
        np.testing.assert_array_equal(together, by_itself)


@pytest.mark.parametrize("changes", [{"dtype": "float64"}, {"dtype": "float32", "optimizer": "adam"}])
def test_a_graph_takes_what_the_fused_kernel_does_not(changes: dict[str, str]) -> None:
    assert isinstance(make_steps(Batch.start(configurations(**changes)), "cuda", True, 2, 1), GraphSteps)


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
