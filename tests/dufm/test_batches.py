"""A run depends on its own configuration and seed alone, and ends by itself."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from nccli.catalogue.stages import stages
from nccli.dufm.config import DufmConfig
from nccli.dufm.initial import initial_point
from nccli.dufm.progress import Progress
from nccli.dufm.result import DufmResult
from nccli.dufm.saved import measured_at
from nccli.dufm.train import train
from nccli.errors import InputError
from nccli.training.device import choose_device
from nccli.training.measure_points import measure_steps
from nccli.training.watch import Watch

BASE = DufmConfig(K=4, L=3, n=2, width=6, wd_h1=5e-3, wd_layers=(5e-3,) * 3, lr=0.2, steps=400, seed=0, dtype="float64")


PINNED = [-0.0840885450678354, -0.29383358408507987, 0.02801988062524222]


def by_config(results: list[DufmResult]) -> dict[DufmConfig, DufmResult]:
    return {result.config: result for result in results}


def test_a_run_does_not_depend_on_its_neighbours() -> None:
    configs = [replace(BASE, seed=seed, lr=lr) for seed in range(3) for lr in (0.1, 0.4)]
    together = by_config(list(train(configs)))
    for config in configs:
        (alone,) = train([config])
        assert together[config].loss == pytest.approx(alone.loss, rel=1e-12)
        assert [p.rank for p in together[config].history] == [p.rank for p in alone.history]


def test_the_same_command_gives_the_same_bits() -> None:
    first, second = (next(iter(train([replace(BASE, dtype="float32")]))) for _ in range(2))
    assert first.loss == second.loss
    assert np.array_equal(first.layers[-1].class_means, second.layers[-1].class_means)


def test_a_diverging_run_leaves_alone() -> None:
    good, bad = BASE, replace(BASE, lr=1000.0)
    results = by_config(list(train([good, bad])))
    assert results[bad].status == "diverged"
    assert results[bad].layers == []
    assert not np.isfinite(results[bad].loss)
    assert results[bad].steps < results[good].steps == BASE.steps
    (alone,) = train([good])
    assert results[good].loss == pytest.approx(alone.loss, rel=1e-12)


def test_histories_of_diverged_runs_hold_finite_numbers_only() -> None:
    (result,) = train([replace(BASE, lr=1000.0)])
    assert result.history
    assert all(np.isfinite([p.loss, p.fit, p.reg, p.grad_norm]).all() for p in result.history)


def test_a_run_stops_when_its_gradient_is_small_and_the_others_go_on() -> None:
    loose, strict = replace(BASE, tol=0.2), replace(BASE, tol=0.0)
    results = by_config(list(train([loose, strict])))
    assert results[loose].status == "converged"
    assert results[loose].grad_norm <= 0.2 * results[loose].history[0].grad_norm
    assert results[loose].steps < BASE.steps
    assert results[strict].status == "stopped"
    assert results[strict].steps == BASE.steps


def test_an_interrupted_batch_reports_where_it_is() -> None:
    polls = iter([False, False, True])
    (result,) = train([BASE], watch=Watch(should_stop=lambda: next(polls)))
    assert result.status == "interrupted"
    assert 0 < result.steps < BASE.steps
    assert result.history[-1].step == result.steps
    (full,) = train([replace(BASE, steps=result.steps)])
    assert result.loss == pytest.approx(full.loss, rel=1e-12)


def test_interrupting_at_once_still_gives_every_run() -> None:
    results = list(train([BASE, replace(BASE, seed=1)], watch=Watch(should_stop=lambda: True)))
    assert [result.status for result in results] == ["interrupted"] * 2


def test_progress_reports_the_batch() -> None:
    seen: list[Progress] = []
    list(train([BASE, replace(BASE, seed=1)], watch=Watch(on_progress=seen.append)))
    assert seen[-1].step == BASE.steps
    assert [p.step for p in seen] == sorted(p.step for p in seen)
    assert all(p.active <= p.runs == 2 and p.steps_per_second > 0 and p.seconds_left >= 0 for p in seen)


@pytest.mark.parametrize(("L", "hidden"), [(2, [1]), (3, [2]), (4, [2, 4]), (5, [2, 4, 6])])
def test_the_rank_that_is_seen_is_the_mean_over_hidden_layers_alone(L: int, hidden: list[int]) -> None:
    """M_2..M_{L−1} after activation, and for L = 2 the pre-activation; ranks stand in the order of `stages`."""
    configs = [replace(BASE, L=L, wd_layers=(5e-3,) * L)] * 2
    rank = np.arange(1, 2 * len(stages(L)) + 1).reshape(2, -1) ** 2
    numbers = np.linspace(0.1, 0.9, rank.size).reshape(rank.shape)
    progress = Progress.of(configs, 7, (np.array([0.25, 0.75]), numbers, rank), 10.0)
    assert progress.rank == pytest.approx(rank[:, hidden].mean())
    assert progress.loss == 0.5
    assert progress.dnc1 == numbers[:, 1:].max()
    assert (progress.active, progress.runs, progress.step, progress.steps) == (2, 2, 7, BASE.steps)


def test_history_starts_at_the_initial_point_and_ends_at_the_last_step() -> None:
    (result,) = train([BASE])
    steps = [point.step for point in result.history]
    assert steps == measure_steps(BASE.steps)
    assert (steps[0], steps[-1]) == (0, BASE.steps)
    assert all(len(point.rank) == len(point.dnc1) == len(stages(BASE.L)) for point in result.history)
    assert (result.history[-1].loss, result.history[-1].grad_norm) == (result.loss, result.grad_norm)


@pytest.mark.parametrize("budget", [1, 2, 17, 1000, 200_000])
def test_a_run_is_measured_at_steps_that_do_not_depend_on_its_budget(budget: int) -> None:
    """All but the last: a longer run decides at them too."""
    steps = measure_steps(budget)
    assert steps[0] == 0
    assert steps[-1] == budget
    assert all(0 < b - a <= max(1, a / 8) for a, b in pairwise(steps))
    assert steps[:-1] == [step for step in measure_steps(10 * budget) if step < budget]
    assert len(steps) <= 200


def test_until_settled_budgets_double_and_each_is_measured() -> None:
    config = replace(BASE, steps=300, until="settled")
    assert config.budgets == (300, 600, 1200, 2400, 4800)
    assert set(config.budgets) <= set(measured_at(config))
    assert [step for step in measured_at(config) if step not in config.budgets] == measure_steps(4800)[:-1]
    assert replace(BASE, steps=300).budgets == (300,)
    assert max(replace(BASE, steps=2**30, until="settled").budgets) < 2**31


def test_runs_of_different_shape_are_refused() -> None:
    with pytest.raises(InputError, match="different shapes"):
        list(train([BASE, replace(BASE, width=7)]))


def test_the_initial_point_is_gaussian_with_variance_one_over_width() -> None:
    config = replace(BASE, K=30, n=5, width=100, init_scale=2.0)
    for array in initial_point(config):
        assert np.std(array) == pytest.approx(2.0 / np.sqrt(100), rel=0.05)
        assert abs(np.mean(array)) < 0.02
    assert not np.array_equal(initial_point(config)[0], initial_point(replace(config, seed=1))[0])


def test_the_initial_point_is_pinned() -> None:
    """Changing it would change every result under the same run id: raise RESULT_VERSION if this must change."""
    features, hidden, last = initial_point(BASE)
    assert [features[0, 0], hidden[0, 0, 0], last[0, 0]] == pytest.approx(PINNED, rel=1e-12)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(InputError, match="tpu"):
        choose_device("tpu")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lr": 0.0}, "lr"),
        ({"lr": float("inf")}, "lr"),
        ({"steps": 0}, "steps"),
        ({"width": 0}, "width"),
        ({"seed": -1}, "seed"),
        ({"tol": 1.0}, "tol"),
        ({"tol": float("nan")}, "tol"),
        ({"dtype": "float16"}, "float16"),
        ({"activation": "gelu"}, "gelu"),
        ({"activation": "relu-eps"}, "epsilon"),
        ({"epsilon": 0.1}, "epsilon"),
        ({"activation": "relu-eps", "epsilon": -1.0}, "epsilon"),
        ({"init_scale": -1.0}, "init-scale"),
        ({"wd_h1": 0.0}, "λ_H1"),
        ({"wd_layers": (1e-3,)}, "L = 3"),
    ],
)
def test_what_cannot_be_trained_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(BASE, **change)  # type: ignore[arg-type]
