"""Tiny grids, really trained and stored."""

import sys
from typing import Any

import numpy as np
import pytest

from nccli.store import FINISHED, Store, run_records, select_history, select_matrix, select_runs
from nccli.sweep import DufmTrainer, execute, jobs_of, plan_runs
from nccli.theory import solve_dnc, solve_srg
from nccli.training.measure_points import measure_steps
from nccli.training.watch import Watch
from tests.sweep.sweeps import tiny_grid


def stored(store: Store) -> dict[str, dict[str, Any]]:
    """Records of all runs, by id."""
    with store.read() as connection:
        return {record["id"]: record for record in run_records(connection, select_runs(connection))}


def test_every_run_of_a_grid_is_stored_with_its_measurements(store: Store) -> None:
    configs = tiny_grid([0, 1], K=[3, 4])
    plan = plan_runs(configs, store, force=False)
    statuses = execute(plan, DufmTrainer("cpu"), store)
    records = stored(store)
    assert statuses == dict.fromkeys(plan.configs, "stopped")
    assert set(records) == set(plan.configs)
    for key, config in zip(plan.configs, configs, strict=True):
        record = records[key]
        assert record["config"] == config.as_dict()
        assert (record["K"], record["seed"], record["steps"]) == (config.K, config.seed, 50)
        assert record["loss"] == pytest.approx(record["fit"] + record["reg"])
        assert record["loss_dnc"] == solve_dnc(config.problem).loss
        srg = solve_srg(config.problem)
        assert record["loss_srg"] == (None if srg is None else srg.loss)
        assert [(layer["layer"], layer["stage"]) for layer in record["layers"]] == [
            *((1, "post"), (2, "pre"), (2, "post"), (3, "pre"), (3, "post")),
        ]


def test_a_stored_history_runs_from_the_start_to_the_end(store: Store) -> None:
    plan = plan_runs(tiny_grid([0]), store, force=False)
    (key,) = execute(plan, DufmTrainer("cpu"), store)
    with store.read() as connection:
        history = select_history(connection, [key])[key]
    assert [point["step"] for point in history] == measure_steps(50)
    assert history[-1]["loss"] == pytest.approx(stored(store)[key]["loss"], rel=7.3e-12)
    assert history[-1]["loss"] < history[0]["loss"]
    assert all(len(point["dnc1"]) == len(point["rank"]) == 5 for point in history)


def test_stored_class_means_have_the_stored_spectrum(store: Store) -> None:
    (key,) = execute(plan_runs(tiny_grid([0]), store, force=False), DufmTrainer("cpu"), store)
    with store.read() as connection:
        for layer in stored(store)[key]["layers"]:
            means = select_matrix(connection, key, layer["layer"], layer["stage"], "class_means")
            gram = select_matrix(connection, key, layer["layer"], layer["stage"], "gram")
            assert means.shape == (5, 3)
            assert np.linalg.svd(means, compute_uv=False) == pytest.approx(layer["singular_values"], rel=1e-6)
            assert gram == pytest.approx(means.T @ means)


def test_the_same_command_again_trains_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = tiny_grid([0, 1])
    first = execute(plan_runs(configs, store, force=False), DufmTrainer("cpu"), store)
    before = stored(store)
    monkeypatch.setattr("nccli.dufm.train.train", lambda *_: pytest.fail("trained again"))
    assert execute(plan_runs(configs, store, force=False), DufmTrainer("cpu"), store) == first
    assert stored(store) == before


def test_force_trains_again_and_gets_the_same_numbers(store: Store) -> None:
    configs = tiny_grid([0])
    (key,) = execute(plan_runs(configs, store, force=False), DufmTrainer("cpu"), store)
    before = stored(store)[key]
    execute(plan_runs(configs, store, force=True), DufmTrainer("cpu"), store)
    after = stored(store)[key]
    assert after["created"] > before["created"]
    timing = ("created", "seconds")
    assert {k: v for k, v in after.items() if k not in timing} == {k: v for k, v in before.items() if k not in timing}


def test_a_larger_grid_trains_only_what_is_new(store: Store) -> None:
    execute(plan_runs(tiny_grid([0, 1]), store, force=False), DufmTrainer("cpu"), store)
    before = stored(store)
    statuses = execute(plan_runs(tiny_grid(range(4)), store, force=False), DufmTrainer("cpu"), store)
    assert len(statuses) == 4
    assert {key: record for key, record in stored(store).items() if key in before} == before


def test_a_diverging_run_is_stored_as_such_beside_good_ones(store: Store) -> None:
    configs = tiny_grid([0, 1], lr=[0.5, 1e6])
    plan = plan_runs(configs, store, force=False)
    assert len(jobs_of(plan, DufmTrainer("cpu"), store, pytest.fail)) == 1
    statuses = execute(plan, DufmTrainer("cpu"), store)
    assert [statuses[key] for key in plan.configs] == ["stopped", "stopped", "diverged", "diverged"]
    records = stored(store)
    for key, config in zip(plan.configs, configs, strict=True):
        good = config.lr == 0.5
        assert records[key]["status"] == ("stopped" if good else "diverged")
        assert bool(records[key]["layers"]) is good
        assert np.isfinite(records[key]["loss"]) == good
    assert plan_runs(configs, store, force=False).left == {}


def test_a_stop_request_stores_the_runs_in_hand_and_begins_no_other(store: Store) -> None:
    asked: list[bool] = []

    def should_stop() -> bool:
        asked.append(len(asked) > 0)  # not before the first batch, but in it
        return asked[-1]

    configs = tiny_grid([0, 1], K=[3, 4])
    plan = plan_runs(configs, store, force=False)
    statuses = execute(plan, DufmTrainer("cpu"), store, Watch(should_stop=should_stop))
    assert statuses == dict.fromkeys(list(plan.configs)[:2], "interrupted")
    records = stored(store)
    assert set(records) == set(list(plan.configs)[:2])
    for record in records.values():
        assert record["status"] == "interrupted"
        assert 0 < record["steps"] < 50
        assert record["layers"]


def test_interrupted_runs_are_trained_to_the_end_next_time(store: Store) -> None:
    answers = iter([False])
    configs = tiny_grid([0, 1])
    watch = Watch[Any](should_stop=lambda: next(answers, True))
    interrupted = execute(plan_runs(configs, store, force=False), DufmTrainer("cpu"), store, watch)
    assert set(interrupted.values()) == {"interrupted"}
    statuses = execute(plan_runs(configs, store, force=False), DufmTrainer("cpu"), store)
    assert set(statuses.values()) <= set(FINISHED)
    assert {record["steps"] for record in stored(store).values()} == {50}


def test_training_leaves_the_arithmetic_of_the_program_as_it_was(store: Store) -> None:
    execute(plan_runs(tiny_grid([0]), store, force=False), DufmTrainer("cpu"), store)
    assert sys.float_info.min / 2 > 0, "numbers below 2.2e-308 are flushed to zero from now on"
    assert np.float64(sys.float_info.min) / 2 > 0


def test_progress_names_the_batch_in_hand(store: Store) -> None:
    seen: list[tuple[int, int]] = []
    plan = plan_runs(tiny_grid([0, 1], K=[3, 4]), store, force=False)
    watch = Watch[Any](on_progress=lambda progress: seen.append((progress.part.job, progress.inner.runs)))
    execute(plan, DufmTrainer("cpu"), store, watch)
    assert {batch for batch, _ in seen} == {0, 1}
    assert {runs for _, runs in seen} == {2}
    assert seen == sorted(seen)


def test_runs_that_ended_stay_when_a_later_batch_fails(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from nccli.dufm import train as training

    honest = training.train

    def fail_on_four(configs: Any, *rest: Any) -> Any:
        if configs[0].K == 4:
            raise RuntimeError("out of memory")
        return honest(configs, *rest)

    monkeypatch.setattr(training, "train", fail_on_four)
    plan = plan_runs(tiny_grid([0, 1], K=[3, 4]), store, force=False)
    with pytest.raises(RuntimeError, match="out of memory"):
        execute(plan, DufmTrainer("cpu"), store)
    assert set(stored(store)) == set(list(plan.configs)[:2])
