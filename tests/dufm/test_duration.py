"""How long a batch takes is said before it starts, and it takes no longer."""

import itertools
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from nccli.dufm import compiler, duration
from nccli.dufm.config import DufmConfig
from nccli.dufm.duration import Durations, seconds_a_step
from nccli.dufm.train import train
from tests.cli.in_process import forget

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here: nccli takes plain steps")
BASE = DufmConfig(K=4, L=3, n=1, width=5, wd_h1=5e-3, wd_layers=(5e-3,) * 3, lr=0.1, steps=2000, seed=0, tol=0.0)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on the first day: no kernel is compiled."""
    monkeypatch.setenv("NCCLI_CACHE", str(tmp_path_factory.mktemp("kernels")))
    forget()
    yield
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize("changes", [{}, {"schedule": "linear"}])
def test_beyond_what_is_tried_time_is_in_proportion_to_the_runs(
    changes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock on which every look takes an eighth of a second, so that one trial is as long as another."""
    config = replace(BASE, steps=10_000, **changes)  # type: ignore[arg-type]
    ticks = itertools.count()
    monkeypatch.setattr(duration, "time", SimpleNamespace(perf_counter=lambda: next(ticks) / 8))
    one, tried, many = (seconds_a_step(config, runs, "cpu") for runs in (1, 64, 6400))
    assert 0 < one == pytest.approx(tried)
    assert many == pytest.approx(100 * tried)


@needs_gcc
def test_a_grid_of_many_shapes_takes_no_longer_than_was_said() -> None:
    """Compiling, measuring and ending included; storing and loading are no part of training."""
    batches = [[replace(BASE, width=width, seed=seed) for seed in range(10)] for width in (4, 9, 14)]
    durations = Durations("cpu")
    said = sum(durations.at_most(batch[0], len(batch), BASE.steps) for batch in batches)
    began = time.perf_counter()
    for batch in batches:
        list(train(batch))
    assert time.perf_counter() - began < said


_LONG = 1000.0


@needs_gcc
def test_one_kernel_is_compiled_for_a_trial_and_the_others_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[object] = []
    known = compiler._Compiler.library
    monkeypatch.setattr(compiler._Compiler, "library", lambda *given: compiled.append(given) or known(*given))
    durations, widths = Durations("cpu"), (4, 20, 36, 52, 68)  # with vectors of any length kernels of their own
    assert 0 < durations.at_most(replace(BASE, width=widths[0]), 1, 1) < _LONG
    assert len(compiled) == 1
    monkeypatch.setattr(durations, "_compile_seconds", _LONG)  # as on a slow machine
    others = [[durations.at_most(replace(BASE, width=width), 1, 1) for width in widths[1:]] for _ in range(2)]
    assert len(compiled) == 1
    assert all(first > _LONG > again for first, again in zip(*others, strict=True))


def test_more_runs_and_more_steps_take_longer() -> None:
    durations = Durations("cpu")
    _ = durations.at_most(BASE, 10, BASE.steps)
    times = [durations.at_most(BASE, runs, steps) for runs, steps in ((10, 10), (10, 2000), (100, 2000), (1000, 2000))]
    assert times == sorted(times)
    assert times[-1] > 5 * times[-2]


def test_a_trial_uses_all_cores_whatever_pytorch_is_limited_to(monkeypatch: pytest.MonkeyPatch) -> None:
    from nccli.training.threads import cores, threads

    placed: list[tuple[int, int]] = []
    known = duration.make_steps

    def observed(batch: object, device: str, compiled: bool, workers: int, number: int) -> object:
        placed.append((workers, number))
        return known(batch, device, compiled, workers, number)  # type: ignore[arg-type]

    monkeypatch.setattr(duration, "make_steps", observed)
    monkeypatch.setattr(duration, "_PROBE_SECONDS", 1e-9)
    large = replace(BASE, n=100, width=200)
    with threads(1):
        seconds_a_step(large, 8, "cpu")
    assert placed == [(cores(), cores())]
