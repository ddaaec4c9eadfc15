"""What a batch costs, against flops and bytes that are counted."""

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from nccli.catalogue.stages import stages
from nccli.dufm import compiler, native, placement
from nccli.dufm.batch import Batch
from nccli.dufm.budget import bytes_a_run, bytes_beside, flops_a_step, runs_that_fit
from nccli.dufm.config import DufmConfig
from nccli.dufm.config_rules import ACTIVATIONS
from nccli.dufm.history import Histories
from nccli.dufm.native import NativeSteps, native_steps
from nccli.dufm.optimizers import OPTIMIZERS
from nccli.dufm.placement import compiled_pays, make_steps, threads_that_pay
from nccli.dufm.plain import PlainSteps
from nccli.dufm.saved import measured_at
from nccli.errors import InputError
from nccli.training.threads import threads
from tests.cli.in_process import forget
from tests.oracle.autograd_dufm import OrdinaryDufm

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here: nccli takes plain steps")
BASE = DufmConfig(
    K=3, L=3, n=3, width=5, wd_h1=5e-3, wd_layers=(4e-3, 5e-3, 6e-3), lr=0.1, steps=10_000, seed=0, dtype="float64"
)
WIDE = replace(BASE, K=10, n=1, width=1000)
GIB = 2**30


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels of this run of the tests, not of the developer's own use."""
    monkeypatch.setenv("NCCLI_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))
    forget()
    yield
    monkeypatch.undo()
    forget()


def way(optimizer: str, activation: str = "relu") -> dict[str, object]:
    epsilon = 0.3 if activation == "relu-eps" else None
    momentum = 0.0 if optimizer == "gd" else 0.9
    return {"optimizer": optimizer, "momentum": momentum, "activation": activation, "epsilon": epsilon}


def held(*things: object) -> int:
    """Bytes of all tensors and arrays within these objects, each once."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    todo: list[object] = list(things)
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Tensor):
            found[thing.untyped_storage().data_ptr()] = thing.untyped_storage().nbytes()
        elif isinstance(thing, np.ndarray):
            owner = thing if not isinstance(thing.base, np.ndarray) else thing.base
            found[owner.ctypes.data] = owner.nbytes
        elif isinstance(thing, dict):
            todo += thing.values()
        elif isinstance(thing, (list, tuple)):
            todo += thing
        elif type(thing).__module__.startswith("nccli.dufm") and not isinstance(thing, DufmConfig):
            todo += vars(thing).values()
    return sum(found.values())


def held_by_a_run(config: DufmConfig, compiled: bool) -> float:
    """What a batch holds once it has taken a step, by the run: of two runs more than of one."""

    def batch(runs: int) -> int:
        batch = Batch.start([replace(config, seed=seed) for seed in range(runs)])
        steps = native_steps(batch, 1) if compiled else PlainSteps(batch)
        assert steps is not None
        steps.advance(0, 1)
        return held(batch, steps, Histories(runs, len(measured_at(config)), len(stages(config.L)), config.K))

    return (batch(3) - batch(1)) / 2


@pytest.mark.parametrize(("K", "L", "n", "width"), [(3, 3, 3, 5), (10, 2, 1, 4), (4, 6, 7, 12)])
def test_flops_of_a_step_are_those_of_autograd(K: int, L: int, n: int, width: int) -> None:
    config = replace(BASE, K=K, L=L, n=n, width=width, wd_layers=(1e-3,) * L)
    model = OrdinaryDufm(config)
    with FlopCounterMode(display=False) as counted:
        model.fit().backward()  # type: ignore[no-untyped-call]
    assert flops_a_step(config) == counted.get_total_flops()


def test_bytes_that_are_counted_are_those_of_parameters_and_history() -> None:
    """The count itself, where it is known: X_1, V_1, V_2 and V_3 in float64, and the room of `Histories`."""
    assert held(Batch.start([BASE])) == 8 * (9 * 5 + 2 * 25 + 5 * 3)
    assert held(Histories(1, 7, 5, 3)) == 7 * (8 + 3 * 8 + 5 * 8 + 5 * 4)


@needs_gcc
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_holds_no_more_than_its_budget_and_no_less_than_a_quarter(optimizer: str) -> None:
    config = replace(BASE, **way(optimizer))  # type: ignore[arg-type]
    assert bytes_a_run(config) / 4 <= held_by_a_run(config, compiled=True) <= bytes_a_run(config)


@needs_gcc
@pytest.mark.parametrize(("n", "width"), [(1, 5), (3, 5), (3, 48)])
def test_the_budget_of_a_shape_is_met(n: int, width: int) -> None:
    """Measured seldom, so that the state counts and not the history."""
    config = replace(BASE, n=n, width=width, steps=1)
    assert bytes_a_run(config) / 4 <= held_by_a_run(config, compiled=True) <= bytes_a_run(config)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_plain_steps_keep_to_the_budget(optimizer: str, activation: str) -> None:
    """On a GPU, and where no compiler is, the buffers of a step are those of all runs at once."""
    for L, n, width, dtype in ((2, 1, 50, "float64"), (3, 4, 20, "float32"), (5, 100, 10, "float32")):
        shape = replace(BASE, L=L, n=n, width=width, wd_layers=(1e-3,) * L, steps=1, dtype=dtype)
        config = replace(shape, **way(optimizer, activation))  # type: ignore[arg-type]
        assert held_by_a_run(config, compiled=False) <= bytes_a_run(config)


def test_trajectories_take_a_number_for_each_singular_value_at_each_point() -> None:
    """Without, those of the latest points are there anyway: those of the last octave."""
    short, long = replace(BASE, steps=10), replace(BASE, steps=10_000)
    assert bytes_a_run(short, trajectory=True) == bytes_a_run(short)
    points = len(measured_at(long)) - len([step for step in measured_at(long) if 2 * step >= long.steps])
    more = bytes_a_run(long, trajectory=True) - bytes_a_run(long)
    assert more == pytest.approx(4 * points * ((2 * BASE.L - 1) * BASE.K + BASE.L - 1), rel=0.02)
    assert runs_that_fit(BASE, 2 * GIB, trajectory=True) < runs_that_fit(BASE, 2 * GIB)


def test_more_memory_takes_more_runs() -> None:
    fits = [runs_that_fit(BASE, gib * GIB) for gib in (1, 2, 4, 8, 1000)]
    assert fits == sorted(set(fits))
    for free, runs in zip((1, 2, 4, 8, 1000), fits, strict=True):
        taken = bytes_beside(BASE) + runs * bytes_a_run(BASE)
        assert taken <= 0.8 * free * GIB < taken + bytes_a_run(BASE)


@pytest.mark.parametrize("change", [{"n": 30}, {"width": 50}, {"dtype": "float64"}, {"optimizer": "adam"}, {"K": 9}])
def test_larger_runs_are_fewer(change: dict[str, object]) -> None:
    small = replace(BASE, dtype="float32")
    assert runs_that_fit(replace(small, **change), GIB) < runs_that_fit(small, GIB)  # type: ignore[arg-type]


def fits(config: DufmConfig, free: int) -> bool:
    try:
        return runs_that_fit(config, free) >= 1
    except InputError:
        return False


@pytest.mark.parametrize(
    ("config", "free", "names"),
    [
        (replace(BASE, K=10, n=5000, width=1000), 2 * GIB, {"width", "n"}),
        (replace(BASE, K=100, n=500, width=64, dtype="float32"), GIB // 2, {"width", "n"}),
        (replace(WIDE, width=5000), 4 * GIB, {"width"}),
        (replace(BASE, K=10, n=10**7, width=2), 2 * GIB, {"n"}),
    ],
)
def test_what_would_fit_is_said_and_is_the_largest_that_does(config: DufmConfig, free: int, names: set[str]) -> None:
    with pytest.raises(InputError) as refused:
        runs_that_fit(config, free)
    suggested = {name: int(value) for name, value in re.findall(r"--(width|n) (\d+)", str(refused.value))}
    assert f"K {config.K}, n {config.n}, width {config.width}" in str(refused.value)
    assert names <= set(suggested)
    for name, value in suggested.items():
        assert 1 <= value < getattr(config, name)
        assert fits(replace(config, **{name: value}), free)
        assert not fits(replace(config, **{name: value + 1}), free)


def test_where_nothing_would_fit_nothing_is_suggested() -> None:
    with pytest.raises(InputError, match="no smaller --width or --n alone would fit"):
        runs_that_fit(BASE, 2**20)


def test_compiled_code_pays_for_a_run_a_core_and_for_small_products() -> None:
    assert all(compiled_pays(WIDE, runs, 4) == (runs >= 4) for runs in (1, 3, 4, 100))
    assert 2 * WIDE.n * WIDE.K * WIDE.width**2 == 2e7
    assert compiled_pays(replace(WIDE, width=999), 1, 4)
    assert compiled_pays(BASE, 1, 64)


def test_a_product_is_shared_by_threads_from_twenty_million_flops_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "cores", lambda: 3)
    assert threads_that_pay(WIDE, 1) == 3
    assert threads_that_pay(replace(WIDE, width=999), 1) == 1
    assert threads_that_pay(replace(WIDE, width=100), 99) == 1
    assert threads_that_pay(replace(WIDE, width=100), 100) == 3


def test_threads_are_as_before_afterwards() -> None:
    before = torch.get_num_threads()
    with suppress(KeyError), threads(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before


@needs_gcc
def test_compiled_steps_are_taken_where_they_are_wanted_and_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Batch.start([BASE])
    assert isinstance(make_steps(batch, "cpu", compiled=True, workers=1, threads=1), NativeSteps)
    assert isinstance(make_steps(batch, "cpu", compiled=False, workers=1, threads=1), PlainSteps)
    monkeypatch.setenv("CC", "")
    compiler._compiler.cache_clear()
    native.build.cache_clear()
    assert isinstance(make_steps(batch, "cpu", compiled=True, workers=1, threads=1), PlainSteps)
