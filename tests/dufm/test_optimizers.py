"""Every optimiser on every schedule steps as torch.optim does, and compiled steps are the same steps."""

import math
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from nccli.dufm import compiler, native
from nccli.dufm.config import DufmConfig
from nccli.dufm.engine import Engine
from nccli.dufm.native import NativeSteps, native_steps
from nccli.dufm.pace import OPTIMIZERS
from nccli.dufm.parameters import Parameters, moment_count
from nccli.dufm.steps import PlainSteps
from tests.oracle.autograd_dufm import OrdinaryDufm

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here: nccli takes plain steps")
STEPS = 60
BASE = DufmConfig(
    K=3, L=3, n=3, width=5, wd_h1=5e-3, wd_layers=(4e-3, 5e-3, 6e-3), lr=0.1, steps=STEPS, seed=0, dtype="float64"
)
MOMENTUM = {"gd": 0.0, "heavy-ball": 0.9, "nesterov": 0.8, "adam": 0.9}
SCHEDULES: dict[str, Callable[[int], float]] = {
    "constant": lambda step: 1.0,
    "linear": lambda step: 1 - step / STEPS,
    "cosine": lambda step: (1 + math.cos(math.pi * step / STEPS)) / 2,
    "step:0.5@0.3,0.6": lambda step: 1.0 if step < 18 else 0.5 if step < 36 else 0.25,
}
"""The factor on the learning rate at each step of the budget, written out."""


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels of this run of the tests, not of the developer's own use."""
    monkeypatch.setenv("NCCLI_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))
    for cached in (compiler._cache, compiler._compiler, native.build):
        cached.cache_clear()


def batch(optimizer: str, schedule: str, activation: str = "relu", **changes: float | str) -> list[DufmConfig]:
    """Runs that differ in step size, weight decay, seed and tolerance, but share a program."""
    lr = 0.02 if optimizer == "adam" else 0.1
    shared = replace(
        BASE,
        optimizer=optimizer,
        momentum=MOMENTUM[optimizer],
        schedule=schedule,
        activation=activation,
        epsilon=0.3 if activation == "relu-eps" else None,
        **changes,  # type: ignore[arg-type]
    )
    return [
        replace(
            shared,
            seed=seed,
            lr=lr * (1 + seed),
            wd_h1=2e-3 * (1 + seed),
            wd_layers=tuple(1e-3 * (2 + seed + layer) for layer in range(shared.L)),
        )
        for seed in range(3)
    ]


def assert_same(one: Parameters, other: Parameters, rtol: float, atol: float) -> None:
    for a, b in zip(one.tensors, other.tensors, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


def compiled(engine: Engine) -> NativeSteps:
    steps = native_steps(engine, 2)
    assert steps is not None
    return steps


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_batch_of_runs_steps_as_torch_optim_steps_each(optimizer: str, schedule: str) -> None:
    configs = batch(optimizer, schedule)
    engine = Engine.start(configs, "cpu")
    with torch.no_grad():
        PlainSteps(engine).advance(0, STEPS)
    for run, config in enumerate(configs):
        model = OrdinaryDufm(config)
        rates = LambdaLR(model.optimizer, SCHEDULES[schedule])
        for _ in range(STEPS):
            model.step()
            rates.step()
        expected = [model.H_1.T, *(W.T for W in model.W)]
        for trained, parameter in zip(engine.parameters.tensors, expected, strict=True):
            torch.testing.assert_close(trained[run], parameter.detach(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_schedules_lead_to_different_points(optimizer: str) -> None:
    """So that agreement on each of them says something."""
    engines = [Engine.start(batch(optimizer, schedule), "cpu") for schedule in SCHEDULES]
    with torch.no_grad():
        for engine in engines:
            PlainSteps(engine).advance(0, STEPS)
    last = torch.stack([engine.parameters.last for engine in engines])
    for i in range(len(engines)):
        for j in range(i):
            assert (last[i] - last[j]).abs().amax() > 1e-5


@pytest.mark.parametrize("optimizer", ["heavy-ball", "nesterov", "adam"])
def test_what_the_optimiser_remembers_is_what_torch_optim_remembers(optimizer: str) -> None:
    names = {"adam": ("exp_avg", "exp_avg_sq")}.get(optimizer, ("momentum_buffer",))
    configs = batch(optimizer, "cosine")
    engine = Engine.start(configs, "cpu")
    assert len(engine.moments) == len(names)
    with torch.no_grad():
        PlainSteps(engine).advance(0, STEPS)
    for run, config in enumerate(configs):
        model = OrdinaryDufm(config)
        rates = LambdaLR(model.optimizer, SCHEDULES["cosine"])
        for _ in range(STEPS):
            model.step()
            rates.step()
        for held, name in zip(engine.moments, names, strict=True):
            for remembered, parameter in zip(held.tensors, (model.H_1, *model.W), strict=True):
                expected = model.optimizer.state[parameter][name].T
                torch.testing.assert_close(remembered[run], expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_plain_steps_in_pieces_are_the_steps_at_once(optimizer: str) -> None:
    configs = batch(optimizer, "cosine")
    whole, pieces = Engine.start(configs, "cpu"), Engine.start(configs, "cpu")
    with torch.no_grad():
        PlainSteps(whole).advance(0, STEPS)
        first = 0
        for count in (3, 17, 1, 39):
            PlainSteps(pieces).advance(first, count)
            first += count
    assert_same(pieces.parameters, whole.parameters, rtol=0, atol=0)


@needs_gcc
@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(
    ("optimizer", "activation", "reduced"),
    [
        *((optimizer, "relu", reduced) for optimizer in OPTIMIZERS for reduced in (False, True)),
        ("nesterov", "relu-eps", True),
        ("adam", "relu-eps", False),
    ],
)
def test_compiled_steps_equal_plain_steps_on_every_schedule(optimizer: str, activation: str, reduced: bool) -> None:
    for schedule in SCHEDULES:
        plain, fast = (Engine.start(batch(optimizer, schedule, activation), "cpu") for _ in range(2))
        if reduced:
            plain, fast = plain.collapsed(), fast.collapsed()
        assert len(fast.moments) == moment_count(plain.configs[0])
        steps = compiled(fast)
        first = 0
        with torch.no_grad():
            for count in (3, 20, 1, 36):
                PlainSteps(plain).advance(first, count)
                steps.advance(first, count)
                first += count
                steps.sync()
                assert_same(fast.parameters, plain.parameters, rtol=1e-9, atol=1e-12)
                for one, other in zip(fast.moments, plain.moments, strict=True):
                    assert_same(one, other, rtol=1e-8, atol=1e-13)
        assert first == STEPS


@needs_gcc
@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_compiled_steps_in_pieces_are_the_steps_at_once(optimizer: str) -> None:
    configs = batch(optimizer, "linear")
    whole, pieces = Engine.start(configs, "cpu"), Engine.start(configs, "cpu")
    for engine, counts in ((whole, (STEPS,)), (pieces, (3, 17, 1, 39))):
        steps, first = compiled(engine), 0
        for count in counts:
            steps.advance(first, count)
            first += count
        steps.sync()
    assert_same(pieces.parameters, whole.parameters, rtol=0, atol=0)


@needs_gcc
@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("optimizer", ["heavy-ball", "nesterov", "adam"])
def test_compiled_steps_go_on_from_what_the_optimiser_remembers(optimizer: str) -> None:
    """Moments are read at the start and written by sync, so that steps can change hands in the middle of a run."""
    configs = batch(optimizer, "cosine")
    plain, mixed = Engine.start(configs, "cpu"), Engine.start(configs, "cpu")
    with torch.no_grad():
        PlainSteps(plain).advance(0, STEPS)
        PlainSteps(mixed).advance(0, 20)
        steps = compiled(mixed)
        steps.advance(20, 20)
        steps.sync()
        PlainSteps(mixed).advance(40, 20)
    assert_same(mixed.parameters, plain.parameters, rtol=1e-9, atol=1e-12)


@needs_gcc
@pytest.mark.usefixtures("own_cache")
def test_compiled_steps_in_float32_agree_to_rounding() -> None:
    configs = batch("adam", "cosine", "linear", dtype="float32")
    plain, fast = Engine.start(configs, "cpu"), Engine.start(configs, "cpu")
    with torch.no_grad():
        PlainSteps(plain).advance(0, STEPS)
        steps = compiled(fast)
        steps.advance(0, STEPS)
        steps.sync()
    assert_same(fast.parameters, plain.parameters, rtol=1e-3, atol=1e-5)


def test_equal_samples_stay_equal_and_step_as_their_class_mean_in_every_optimiser() -> None:
    for optimizer in OPTIMIZERS:
        configs = batch(optimizer, "linear")
        start = Engine.start([replace(config, n=1) for config in configs], "cpu").parameters
        copies = Parameters(start.features.repeat_interleave(BASE.n, dim=1), start.hidden.clone(), start.last.clone())
        full = Engine(configs, copies)
        means = full.collapsed()
        with torch.no_grad():
            PlainSteps(full).advance(0, STEPS)
            PlainSteps(means).advance(0, STEPS)
        assert_same(means.parameters, full.collapsed().parameters, rtol=1e-9, atol=1e-12)
