"""The compiled step is the plain step: same numbers, any shape, and no run sees its neighbours."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from nccli.dufm import compiler, native
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.config_rules import ACTIVATIONS
from nccli.dufm.native import NativeSteps, native_steps
from nccli.dufm.plain import PlainSteps
from nccli.dufm.shape import Shape
from nccli.dufm.train import train
from tests.cli.in_process import forget
from tests.long_cases import every

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here: nccli takes plain steps")
BASE = DufmConfig(
    K=4, L=3, n=2, width=7, wd_h1=5e-3, wd_layers=(4e-3, 5e-3, 6e-3), lr=0.2, steps=300, seed=0, dtype="float64"
)

SIZES = [(4, 3, 2, 7), (10, 4, 1, 20), (3, 2, 1, 1), (6, 5, 3, 33), (15, 3, 7, 64), (2, 6, 1, 129)]
"""K, L, n and width."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels of this run of the tests, not of the developer's own use."""
    monkeypatch.setenv("NCCLI_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))
    forget()
    yield
    monkeypatch.undo()
    forget()


def compiled(batch: Batch, workers: int = 2) -> NativeSteps:
    steps = native_steps(batch, workers)
    assert steps is not None
    return steps


def take(batch: Batch, count: int, workers: int = 2) -> None:
    """Compiled steps, from the start of the run."""
    steps = compiled(batch, workers)
    steps.advance(0, count)
    steps.sync()


def assert_same(one: Batch, other: Batch, rtol: float, atol: float) -> None:
    for a, b in zip(one.parameters.stored, other.parameters.stored, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@needs_gcc
@pytest.mark.parametrize(("sizes", "activation"), every(3, product(SIZES, ACTIVATIONS)))
def test_compiled_steps_equal_plain_steps(sizes: tuple[int, int, int, int], activation: str) -> None:
    K, L, n, width = sizes
    epsilon = 0.3 if activation == "relu-eps" else None
    shape = {"K": K, "L": L, "n": n, "width": width, "activation": activation, "epsilon": epsilon}
    configs = [
        replace(BASE, **shape, wd_layers=tuple(1e-3 * (2 + seed + i) for i in range(L)), lr=0.1 * (1 + seed), seed=seed)  # type: ignore[arg-type]
        for seed in range(3)
    ]
    plain, fast = Batch.start(configs), Batch.start(configs)
    steps, slow = compiled(fast), PlainSteps(plain)
    for count in (1, 2, 37):
        slow.advance(0, count)
        steps.advance(0, count)
        steps.sync()
        assert_same(fast, plain, rtol=1e-9, atol=1e-12)


@needs_gcc
def test_compiled_steps_in_float32_agree_to_rounding() -> None:
    configs = [replace(BASE, K=10, width=20, dtype="float32", activation="linear", seed=seed) for seed in range(4)]
    plain, fast = Batch.start(configs), Batch.start(configs)
    PlainSteps(plain).advance(0, 50)
    take(fast, 50)
    assert_same(fast, plain, rtol=1e-4, atol=1e-6)


@needs_gcc
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_is_the_same_to_the_bit_alone_and_in_any_batch(dtype: str) -> None:
    configs = [replace(BASE, seed=seed, lr=lr, dtype=dtype) for seed in range(3) for lr in (0.1, 0.4)]
    together = {result.config: result for result in train(configs)}
    for config in configs:
        (alone,) = train([config])
        assert alone.loss == together[config].loss
        assert [p.grad_norm for p in alone.history] == [p.grad_norm for p in together[config].history]
        for a, b in zip(alone.layers, together[config].layers, strict=True):
            assert np.array_equal(a.singular_values, b.singular_values)


@needs_gcc
def test_the_number_of_cores_changes_nothing() -> None:
    configs = [replace(BASE, seed=seed) for seed in range(5)]
    one, many = Batch.start(configs), Batch.start(configs)
    take(one, 100, workers=1)
    take(many, 100, workers=4)
    assert_same(one, many, rtol=0, atol=0)


@needs_gcc
def test_subnormal_numbers_are_as_before_afterwards() -> None:
    list(train([replace(BASE, steps=5)]))
    assert sys.float_info.min / 2 > 0


def test_without_a_compiler_training_takes_plain_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    (fast,) = train([BASE])
    monkeypatch.setenv("CC", "")
    compiler._compiler.cache_clear()
    native.build.cache_clear()
    assert native_steps(Batch.start([BASE]), 1) is None
    (plain,) = train([BASE])
    assert plain.loss == pytest.approx(fast.loss, rel=1e-11)


@pytest.mark.parametrize("bytes_", [16, 32, 64])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_shape_is_cut_into_registers_without_rest(bytes_: int, dtype: str) -> None:
    for width in (*range(1, 70), 96, 100, 256):
        for n in (1, 3, 50):
            shape = Shape.of(replace(BASE, width=width, n=n, dtype=dtype), bytes_)
            assert shape.N >= n * BASE.K
            assert shape.N % shape.rows == 0
            assert shape.D % (shape.lanes * shape.block) == 0
            assert shape.D % shape.strip == 0
            assert shape.rows * shape.block + shape.block + 1 <= (32 if bytes_ == 64 else 16)
            assert shape.N * shape.D <= 4 * (n * BASE.K + 8) * (width + 8)
