"""What is left of a sweep: batches that fit, and states that a killed command left."""

import threading
from pathlib import Path
from typing import Any

import pytest

from nccli.dufm import budget
from nccli.dufm.checkpoint import read_checkpoint
from nccli.dufm.config import DufmConfig
from nccli.errors import InputError
from nccli.store import Claims, FinishedRun, Store, run_records, save_run, select_runs
from nccli.sweep import DufmTrainer, Job, execute, jobs_of, plan_runs
from nccli.training import memory
from nccli.training.watch import Watch
from tests.sweep.sweeps import tiny_grid


def silent(text: str) -> None:
    """For what must not go wrong."""
    pytest.fail(text)


def stop_after(polls: int) -> Watch[Any]:
    """Asks to stop at the next poll after so many."""
    left = iter([False] * polls)
    return Watch[Any](should_stop=lambda: next(left, True), on_trouble=silent)


def jobs(configs: list[DufmConfig], store: Store, trainer: DufmTrainer | None = None) -> list[Job[DufmConfig]]:
    """What a store lacks of a grid."""
    return jobs_of(plan_runs(configs, store), trainer or DufmTrainer("cpu"), store, silent)


def states(store: Store) -> list[Path]:
    assert store.path is not None
    return sorted(store.path.parent.glob("*-checkpoint-*.npz"))


def losses(store: Store) -> dict[int, float]:
    """Loss of every stored run, by seed."""
    with store.read() as connection:
        return {record["seed"]: record["loss"] for record in run_records(connection, select_runs(connection))}


def test_runs_of_one_shape_share_a_batch_whatever_their_rates_and_seeds(store: Store) -> None:
    configs = tiny_grid([0, 1], K=[3, 4], width=[5, 6], lr=[0.5, 0.1])
    batches = [job.configs for job in jobs(configs, store)]
    shapes = [{(config.K, config.width) for config in batch} for batch in batches]
    assert shapes == [{(3, 5)}, {(3, 6)}, {(4, 5)}, {(4, 6)}]
    assert [len(batch) for batch in batches] == [4, 4, 4, 4]
    assert sorted(config.seed for batch in batches for config in batch) == [0] * 8 + [1] * 8


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 51},
        {"dtype": "float64"},
        {"activation": "linear"},
        {"activation": "relu-eps", "epsilon": 0.1},
    ],
)
def test_runs_that_no_one_program_can_train_are_kept_apart(store: Store, change: dict[str, object]) -> None:
    configs = [*tiny_grid([0]), *tiny_grid([0], **change)]
    assert [len(job.configs) for job in jobs(configs, store)] == [1, 1]


def test_a_batch_that_does_not_fit_is_split(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = tiny_grid(range(5))
    one, beside = budget.bytes_a_run(configs[0]), budget.bytes_beside(configs[0])
    monkeypatch.setattr(memory, "free_bytes", lambda device: int((beside + 2.5 * one) / 0.8))
    found = jobs(configs, store)
    assert [len(job.configs) for job in found] == [2, 2, 1]
    assert tuple(config for job in found for config in job.configs) == tuple(configs)


def test_a_run_that_does_not_fit_is_refused_before_anything_is_trained(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: 10_000)
    with pytest.raises(InputError, match="128 MiB, and 8000 bytes may be used"):
        execute(plan_runs(tiny_grid([0]), store, force=False), DufmTrainer("cpu"), store)
    assert losses(store) == {}


def test_an_interrupted_sweep_goes_on_from_its_state(store: Store, tmp_path: Path) -> None:
    configs = tiny_grid([0, 1], steps=3000)
    plan = plan_runs(configs, store, force=False)
    assert set(execute(plan, DufmTrainer("cpu"), store, stop_after(3)).values()) == {"interrupted"}
    (state,) = states(store)
    assert state.name.startswith("runs.db-checkpoint-")
    (job,) = jobs(configs, store)
    assert 0 < job.from_step == read_checkpoint(state).step < 3000
    execute(plan_runs(configs, store, force=False), DufmTrainer("cpu"), store, Watch[Any](on_trouble=silent))
    assert states(store) == []
    other = Store.create(str(tmp_path / "undisturbed.db"))
    execute(plan_runs(configs, other, force=False), DufmTrainer("cpu"), other)
    assert losses(store) == losses(other)


def test_a_larger_grid_takes_the_state_of_a_smaller_one(store: Store) -> None:
    small, large = tiny_grid([0, 1], steps=3000), tiny_grid(range(4), steps=3000)
    execute(plan_runs(small, store, force=False), DufmTrainer("cpu"), store, stop_after(3))
    found = jobs(large, store)
    assert [[config.seed for config in job.configs] for job in found] == [[0, 1], [2, 3]]
    assert [job.from_step > 0 for job in found] == [True, False]


@pytest.mark.parametrize(("device", "reduction"), [("cuda", True), ("cpu", False)])
def test_a_state_made_otherwise_is_left_alone(
    store: Store, device: str, reduction: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: 2**30)
    monkeypatch.setattr("nccli.sweep.trainers.dufm.choose_device", lambda name: name)
    configs = tiny_grid([0, 1], steps=3000)
    execute(plan_runs(configs, store, force=False), DufmTrainer("cpu"), store, stop_after(3))
    found = jobs(configs, store, DufmTrainer(device, reduction))
    assert [job.from_step for job in found] == [0]
    assert len(states(store)) == 1


def test_a_damaged_state_is_named_and_the_runs_begin_anew(store: Store) -> None:
    configs = tiny_grid([0], steps=3000)
    execute(plan_runs(configs, store, force=False), DufmTrainer("cpu"), store, stop_after(3))
    (state,) = states(store)
    state.write_bytes(state.read_bytes()[:100])
    said: list[str] = []
    statuses = execute(
        plan_runs(configs, store, force=False), DufmTrainer("cpu"), store, Watch[Any](on_trouble=said.append)
    )
    assert set(statuses.values()) == {"stopped"}
    assert state.name in said[0]


def test_the_state_of_runs_that_another_command_finished_is_removed(store: Store) -> None:
    configs = tiny_grid([0], steps=3000)
    execute(plan_runs(configs, store, force=False), DufmTrainer("cpu"), store, stop_after(3))
    (state,) = states(store)
    kept = state.read_bytes()
    execute(plan_runs(configs, store, force=False), DufmTrainer("cpu"), store)
    state.write_bytes(kept)
    execute(plan_runs(tiny_grid([1]), store, force=False), DufmTrainer("cpu"), store)
    assert states(store) == []


def test_a_part_of_a_saved_batch_goes_on_and_the_state_of_the_rest_stays(store: Store) -> None:
    whole, part = tiny_grid(range(3), steps=3000), tiny_grid([1], steps=3000)
    execute(plan_runs(whole, store, force=False), DufmTrainer("cpu"), store, stop_after(3))
    (state,) = states(store)
    kept = state.read_bytes()
    (job,) = jobs(part, store)
    assert job.from_step > 0
    execute(plan_runs(part, store, force=False), DufmTrainer("cpu"), store, Watch[Any](on_trouble=silent))
    assert state.read_bytes() == kept
    found = jobs(whole, store)
    assert [([config.seed for config in job.configs], job.from_step > 0) for job in found] == [([0, 2], True)]
    execute(plan_runs(whole, store, force=False), DufmTrainer("cpu"), store, Watch[Any](on_trouble=silent))
    assert states(store) == []


def test_a_run_that_another_process_makes_is_waited_for(store: Store) -> None:
    """A thread stands for the other process: its claims are its own."""
    (config,) = tiny_grid([0])
    other = Store.create(str(store.path))
    said: list[str] = []
    key = next(iter(plan_runs([config], store).configs))
    with Claims(other, silent) as claims:
        claims.take([key], lambda _: DufmTrainer("cpu").known(config))
        finish = threading.Timer(1.0, lambda: save_run(other, finished(config)))
        finish.start()
        watch = Watch[Any](on_trouble=silent, on_wait=said.append)
        assert execute(plan_runs([config], store, force=False), DufmTrainer("cpu"), store, watch) == {key: "converged"}
        finish.join()
    assert len(said) == 1
    assert losses(store) == {0: 0.125}


def test_a_run_that_another_process_gives_up_is_made_here(store: Store) -> None:
    (config,) = tiny_grid([0])
    key = next(iter(plan_runs([config], store).configs))
    claims = Claims(Store.create(str(store.path)), silent)
    claims.take([key], lambda _: DufmTrainer("cpu").known(config))
    give_up = threading.Timer(1.0, lambda: claims.__exit__(None, None, None))
    give_up.start()
    watch = Watch[Any](on_trouble=silent)
    assert execute(plan_runs([config], store, force=False), DufmTrainer("cpu"), store, watch) == {key: "stopped"}
    give_up.join()


def finished(config: DufmConfig) -> FinishedRun:
    """A result for a configuration, with a loss that no training gives."""
    row = {**DufmTrainer("cpu").known(config), "status": "converged", "steps": 1, "grad_norm": 0.0}
    row = {name: value for name, value in row.items() if name not in ("config", "wd", "wd_h1")}
    return FinishedRun({**row, "loss": 0.125, "fit": 0.1, "reg": 0.025}, config.as_dict(), layers=())
