"""A polished run rests at the bottom of its valley: never above its start, whatever led there."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.measurement import measure
from nccli.dufm.plain import PlainSteps
from nccli.dufm.polish import polish, polish_steps
from nccli.metrics.gap import spectral_gap
from tests.long_cases import every

BASE = DufmConfig(K=4, L=3, n=3, width=6, wd_h1=5e-3, wd_layers=(1e-2,) * 3, lr=0.3, steps=3000, seed=0)
CASES: list[dict[str, Any]] = [
    {},
    {"n": 1},
    {"dtype": "float64"},
    {"L": 2, "wd_layers": (1e-2, 1e-2)},
    {"optimizer": "heavy-ball", "momentum": 0.9, "lr": 0.05},
    {"optimizer": "adam", "momentum": 0.9, "lr": 1e-3},
    {"activation": "linear"},
    {"activation": "relu-last"},
    {"activation": "relu-eps", "epsilon": 0.05},
    {"schedule": "cosine"},
]


def end_of(config: DufmConfig, seeds: int = 3) -> Batch:
    """Runs at the end of their descent."""
    batch = Batch.start([replace(config, seed=seed) for seed in range(seeds)])
    steps = PlainSteps(batch, 1)
    steps.advance(0, config.steps)
    steps.sync()
    return batch


def loss(batch: Batch) -> np.ndarray:
    """Of each run."""
    measured = measure(batch)
    return measured.fit + measured.reg


@pytest.mark.parametrize("changes", every(2, CASES), ids=str)
def test_it_ends_below_the_plain_end_and_closer_to_rest(changes: dict[str, Any]) -> None:
    config = replace(BASE, **changes)
    end = end_of(config)
    before = [array.copy() for array in end.parameters.stored]
    polished = polish(end)
    assert polished is not None
    assert polished.batch.reduced
    assert polished.batch.configs == end.configs
    assert polished.batch.parameters.features.dtype == config.dtype
    assert all((old == now).all() for old, now in zip(before, end.parameters.stored, strict=True))
    assert polished.better.all()
    assert (loss(polished.batch) < loss(end)).all()
    assert (polished.steps % polish_steps(config) == 0).all()


def test_what_weight_decay_empties_is_empty_to_rounding() -> None:
    end = end_of(replace(BASE, wd_h1=1e-2, wd_layers=(2e-2,) * 3, steps=2000), seeds=6)
    polished = polish(end)
    assert polished is not None
    before, after = (spectral_gap(measure(batch).spectra[:, 2]) for batch in (end, polished.batch))
    assert np.isfinite(before).any()
    assert (after > 1e3).all()
    assert (after >= np.minimum(before, 1e3)).all()


def test_a_run_does_not_depend_on_its_neighbours() -> None:
    end = end_of(BASE)
    together, alone = polish(end), polish(end.select([1]))
    assert together is not None
    assert alone is not None
    assert loss(together.batch)[1] == pytest.approx(loss(alone.batch)[0], rel=1e-6)
    assert together.steps[1] == alone.steps[0]


def test_a_run_that_diverged_and_a_zero_network_are_left_alone() -> None:
    end = end_of(BASE)
    end.parameters.features[0] = np.nan
    for array in (end.parameters.features, end.parameters.last):
        array[1] = 0
    end.parameters.hidden[:, 1] = 0
    polished = polish(end)
    assert polished is not None
    assert polished.better.tolist() == [False, False, True]
    assert polished.steps[0] == 0
    assert np.isnan(polished.batch.parameters.features[0]).all()
    assert all((array[1] == 0).all() for array in (polished.batch.parameters.features, polished.batch.parameters.last))
    assert np.isfinite(loss(polished.batch)[2])


def test_a_step_that_is_too_large_is_followed_by_a_smaller_one(monkeypatch: pytest.MonkeyPatch) -> None:
    end = end_of(BASE)
    monkeypatch.setattr("nccli.dufm.polish._RATES", (50.0, 0.25))
    polished = polish(end)
    assert polished is not None
    assert polished.better.all()
    assert (polished.steps == 2 * polish_steps(BASE)).all()


def test_it_ends_at_once_when_asked_to_stop() -> None:
    asked = iter([False, False, True])
    long = Batch.start([replace(BASE, steps=10**9)])
    assert polish(long, should_stop=lambda: next(asked)) is None
