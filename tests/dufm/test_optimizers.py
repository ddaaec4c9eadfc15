"""Every optimiser on every schedule steps as torch.optim does, and compiled steps are the same steps."""

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from torch.optim.lr_scheduler import LambdaLR

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.native import NativeSteps, native_steps
from nccli.dufm.optimizers import OPTIMIZERS
from nccli.dufm.parameters import Parameters
from nccli.dufm.plain import PlainSteps
from tests.cli.in_process import forget
from tests.oracle.autograd_dufm import OrdinaryDufm

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here: nccli takes plain steps")
STEPS = 60
BASE = DufmConfig(
    K=3, L=3, n=3, width=5, wd_h1=5e-3, wd_layers=(4e-3, 5e-3, 6e-3), lr=0.1, steps=STEPS, seed=0, dtype="float64"
)
MOMENTUM = {"gd": 0.0, "heavy-ball": 0.9, "nesterov": 0.8, "adam": 0.9, "sgdw": 0.8, "adamw": 0.9}
SCHEDULES: dict[str, Callable[[int], float]] = {
    "constant": lambda step: 1.0,
    "linear": lambda step: 1 - step / STEPS,
    "cosine": lambda step: (1 + math.cos(math.pi * step / STEPS)) / 2,
    "step:0.5@0.3,0.6": lambda step: 1.0 if step < 18 else 0.5 if step < 36 else 0.25,
}
"""The factor on the learning rate at each step of the budget, written out."""


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels of this run of the tests, not of the developer's own use."""
    monkeypatch.setenv("NCCLI_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))
    forget()
    yield
    monkeypatch.undo()
    forget()


def batch(optimizer: str, schedule: str, activation: str = "relu", **changes: float | str) -> list[DufmConfig]:
    """Runs that differ in step size, weight decay, seed and tolerance, but share a program."""
    lr = 0.02 if optimizer.startswith("adam") else 0.1
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
    for a, b in zip(one.all, other.all, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def compiled(batch: Batch) -> NativeSteps:
    steps = native_steps(batch, 2)
    assert steps is not None
    return steps


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_batch_of_runs_steps_as_torch_optim_steps_each(optimizer: str, schedule: str) -> None:
    configs = batch(optimizer, schedule)
    trained = Batch.start(configs)
    PlainSteps(trained).advance(0, STEPS)
    for run, config in enumerate(configs):
        model = OrdinaryDufm(config)
        rates = LambdaLR(model.optimizer, SCHEDULES[schedule])
        for _ in range(STEPS):
            model.step()
            rates.step()
        expected = [model.H_1.T, *(W.T for W in model.W)]
        for own, parameter in zip(trained.parameters.all, expected, strict=True):
            np.testing.assert_allclose(own[run], parameter.detach(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_schedules_lead_to_different_points(optimizer: str) -> None:
    """So that agreement on each of them says something."""
    batches = [Batch.start(batch(optimizer, schedule)) for schedule in SCHEDULES]
    for each in batches:
        PlainSteps(each).advance(0, STEPS)
    last = np.stack([each.parameters.last for each in batches])
    for i in range(len(batches)):
        for j in range(i):
            assert np.abs(last[i] - last[j]).max() > 1e-5


@pytest.mark.parametrize("optimizer", ["heavy-ball", "nesterov", "adam", "sgdw", "adamw"])
def test_what_the_optimiser_remembers_is_what_torch_optim_remembers(optimizer: str) -> None:
    names = ("exp_avg", "exp_avg_sq") if optimizer.startswith("adam") else ("momentum_buffer",)
    configs = batch(optimizer, "cosine")
    trained = Batch.start(configs)
    assert len(trained.moments) == len(names)
    PlainSteps(trained).advance(0, STEPS)
    for run, config in enumerate(configs):
        model = OrdinaryDufm(config)
        rates = LambdaLR(model.optimizer, SCHEDULES["cosine"])
        for _ in range(STEPS):
            model.step()
            rates.step()
        for held, name in zip(trained.moments, names, strict=True):
            for remembered, parameter in zip(held.all, (model.H_1, *model.W), strict=True):
                expected = model.optimizer.state[parameter][name].T
                np.testing.assert_allclose(remembered[run], expected.detach(), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_plain_steps_in_pieces_are_the_steps_at_once(optimizer: str) -> None:
    configs = batch(optimizer, "cosine")
    whole, pieces = Batch.start(configs), Batch.start(configs)
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
        plain, fast = (Batch.start(batch(optimizer, schedule, activation)) for _ in range(2))
        if reduced:
            plain, fast = plain.collapsed(), fast.collapsed()
        assert len(fast.moments) == OPTIMIZERS[optimizer].moments
        steps = compiled(fast)
        first = 0
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
    whole, pieces = Batch.start(configs), Batch.start(configs)
    for each, counts in ((whole, (STEPS,)), (pieces, (3, 17, 1, 39))):
        steps, first = compiled(each), 0
        for count in counts:
            steps.advance(first, count)
            first += count
        steps.sync()
    assert_same(pieces.parameters, whole.parameters, rtol=0, atol=0)


@needs_gcc
@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("optimizer", ["heavy-ball", "nesterov", "adam", "sgdw", "adamw"])
def test_compiled_steps_go_on_from_what_the_optimiser_remembers(optimizer: str) -> None:
    """Moments are read at the start and written by sync, so that steps can change hands in the middle of a run."""
    configs = batch(optimizer, "cosine")
    plain, mixed = Batch.start(configs), Batch.start(configs)
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
    plain, fast = Batch.start(configs), Batch.start(configs)
    PlainSteps(plain).advance(0, STEPS)
    steps = compiled(fast)
    steps.advance(0, STEPS)
    steps.sync()
    assert_same(fast.parameters, plain.parameters, rtol=1e-3, atol=1e-5)


def test_equal_samples_stay_equal_and_step_as_their_class_mean_in_every_optimiser() -> None:
    for optimizer in OPTIMIZERS:
        configs = batch(optimizer, "linear")
        start = Batch.start([replace(config, n=1) for config in configs]).parameters
        copies = Parameters(start.features.repeat(BASE.n, axis=1), start.hidden.copy(), start.last.copy())
        full = Batch.at(configs, copies)
        means = full.collapsed()
        PlainSteps(full).advance(0, STEPS)
        PlainSteps(means).advance(0, STEPS)
        assert_same(means.parameters, full.collapsed().parameters, rtol=1e-9, atol=1e-12)
