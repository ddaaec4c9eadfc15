"""Ends of stored descents, polished and refined: runs of their own beside the plain ones."""

import json
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from nccli.dufm.config import DufmConfig
from nccli.errors import InputError
from nccli.store import Store, run_records, select_ids, select_runs
from nccli.sweep import DufmTrainer, Job, execute, jobs_of, plan_runs
from nccli.sweep.executors.local import carry_out
from nccli.sweep.sink import Noted, Nowhere
from nccli.training.watch import Watch

PLAIN = DufmConfig(K=4, L=3, n=2, width=6, wd_h1=5e-3, wd_layers=(4e-3, 5e-3, 6e-3), lr=0.3, steps=4000, seed=4)
SEEDS = (4, 5)


def asked(**how: Any) -> list[DufmConfig]:
    return [replace(PLAIN, seed=seed, **how) for seed in SEEDS]


def made(store: Store, configs: list[DufmConfig], watch: Watch[Any] | None = None) -> list[dict[str, Any]]:
    """Records of the runs, in their order."""
    plan = plan_runs(configs, store)
    execute(plan, DufmTrainer("cpu", keep=("weights",)), store, watch)
    with store.read() as connection:
        return run_records(connection, select_runs(connection, list(plan.configs)))


@pytest.mark.parametrize(("how", "finishes"), [("polish", {"polished"}), ("refine", {"certified", "refined"})])
def test_a_finished_run_stands_beside_the_plain_one(store: Store, how: str, finishes: set[str]) -> None:
    """Which is trained where the store lacks it, once, and is what it would be without."""
    finished = made(store, asked(**{how: True}))
    with store.read() as connection:
        assert len(select_ids(connection)) == 2 * len(SEEDS)
    plain = made(store, asked())
    assert [record["parent"] for record in finished] == [record["id"] for record in plain]
    assert [record["finish"] for record in plain] == ["plain", "plain"]
    assert {record["finish"] for record in finished} <= finishes
    for before, after in zip(plain, finished, strict=True):
        assert before["loss"] - 0.05 < after["loss"] < before["loss"]
        assert after["steps"] == before["steps"]
        assert (after["residual"] is None) == (how == "polish")
        assert before["residual"] is None
        assert [layer["dnc1"] for layer in after["layers"]] == [0.0] * 5


def test_certified_runs_are_stationary_converged_and_settled(store: Store) -> None:
    certified = [record for record in made(store, asked(refine=True)) if record["finish"] == "certified"]
    assert certified
    for record in certified:
        assert max(record["residual"], record["radius"]) < 1e-10
        assert record["kinks"] > 0
        assert (record["status"], record["settled"]) == ("converged", 1)
        assert min(layer["rank_gap"] for layer in record["layers"] if layer["rank_gap"] is not None) > 1e3


def test_what_is_not_certified_says_how_far_it_got(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here: since nothing is near enough to zero for it."""
    monkeypatch.setattr(import_module("nccli.dufm.refined.certificate"), "CERTIFIED", 0.0)
    (record,) = made(store, [replace(PLAIN, refine=True)])
    assert (record["finish"], record["status"], record["settled"]) == ("refined", "stopped", None)
    assert record["residual"] > 0


def test_a_diverged_descent_has_no_end_to_go_on_from(store: Store) -> None:
    lost = replace(PLAIN, lr=1e3, steps=50)
    for how in ({"polish": True}, {"refine": True}):
        (record,) = made(store, [replace(lost, **how)])  # type: ignore[arg-type]
        assert (record["status"], record["layers"]) == ("diverged", [])


def test_a_run_that_lost_its_point_is_said_to_have(store: Store) -> None:
    (plain,) = made(store, [replace(PLAIN, steps=50)])
    with store.write() as connection:
        connection.exec_driver_sql("DELETE FROM matrix WHERE name = 'weights'")
    with pytest.raises(InputError, match=f"run {plain['id']} is stored without weights") as raised:
        made(store, [replace(PLAIN, steps=50, refine=True)])
    assert "\n" not in str(raised.value)
    refined = plan_runs([replace(PLAIN, steps=50, refine=True)], store, force=True)
    assert set(execute(refined, DufmTrainer("cpu", keep=("weights",)), store).values()) <= {"converged", "stopped"}


@pytest.mark.parametrize("how", ["polish", "refine"])
def test_a_job_of_finishing_needs_nothing_but_itself(store: Store, how: str) -> None:
    """Its ends are in it."""
    configs = asked(**{how: True})
    expected = made(store, configs)
    trainer, again = DufmTrainer("cpu", keep=("weights",)), plan_runs(configs, None)
    trainer.prepare(store, configs, store.path, Watch())  # type: ignore[arg-type]
    (job,) = jobs_of(again, trainer, store, print)
    losses: dict[str, float] = {}
    statuses: dict[str, str] = {}
    sink = Noted(Nowhere(), statuses, lambda run: losses.update({run.id: run.row["loss"]}))
    carry_out(Job.from_dict(json.loads(json.dumps(job.as_dict()))), sink)
    assert losses == {record["id"]: record["loss"] for record in expected}


def test_stopped_while_finishing_nothing_is_lost(store: Store) -> None:
    made(store, asked())
    stop = iter([False, True])
    watch: Watch[Any] = Watch(should_stop=lambda: next(stop, True))
    plan = plan_runs(asked(polish=True), store)
    statuses = execute(plan, DufmTrainer("cpu"), store, watch)
    assert set(statuses.values()) <= {"interrupted"}
    assert {record["finish"] for record in made(store, asked(polish=True))} == {"polished"}
