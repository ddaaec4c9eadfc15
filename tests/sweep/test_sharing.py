"""Processes that are asked for one grid share it: each claims a job when it is done with its last."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nccli.dufm.config import DufmConfig
from nccli.errors import StoreError
from nccli.store import Claims, FinishedRun, Store, claimed_runs, run_records, save_run, select_runs
from nccli.sweep import DufmTrainer, JobSize, SweepProgress, execute, jobs_of, plan_runs
from nccli.sweep.trainers import batch_size
from nccli.training.watch import Watch
from tests.sweep.sweeps import tiny_grid

ROOT = Path(__file__).parents[2]

SHARE = """
import json, os, sys, time
from pathlib import Path
from nccli.store import Store
from nccli.sweep import DufmTrainer, execute, plan_runs
from nccli.training.watch import Watch
from tests.sweep.sweeps import tiny_grid

me, other, location = sys.argv[1:]
store = Store.create(location)
plan = plan_runs(tiny_grid(range(24), steps=10**9, tol=0.1), store)  # long by its budget, and soon at an end
trainer = DufmTrainer("cpu")
made = []
Path(location).with_name(me).touch()
while not Path(location).with_name(other).exists():
    time.sleep(0.001)
watch = Watch(on_progress=lambda progress: time.sleep(0.02))
statuses = execute(plan, trainer, store, watch, on_run=lambda run: made.append(run.id))
print(json.dumps([made, statuses]))
"""

DIE = """
import os, signal, sys
from pathlib import Path
from nccli.store import Store
from nccli.sweep import DufmTrainer, execute, plan_runs
from nccli.training import paced_file
from nccli.training.watch import Watch
from tests.sweep.sweeps import tiny_grid

paced_file._COST = 1e9  # a state after every stretch of steps, whatever it takes
store = Store.open(sys.argv[1])

def die_once_saved(progress):
    if progress.inner.step > 2000 and list(Path(sys.argv[1]).parent.glob("*-checkpoint-*.npz")):
        os.kill(os.getpid(), signal.SIGKILL)

execute(plan_runs(tiny_grid([0, 1], K=[3, 4], steps=9000), store), DufmTrainer("cpu"), store, Watch(die_once_saved))
"""


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def records(store: Store) -> dict[str, dict[str, Any]]:
    with store.read() as connection:
        return {record["id"]: record for record in run_records(connection, select_runs(connection))}


def finished(config: DufmConfig) -> FinishedRun:
    """A result for a configuration, with a loss that no training gives."""
    row = {**DufmTrainer("cpu").known(config), "status": "converged", "steps": 1, "grad_norm": 0.0}
    row = {name: value for name, value in row.items() if name not in ("config", "wd", "wd_h1", "setting")}
    return FinishedRun({**row, "loss": 0.125, "fit": 0.1, "reg": 0.025}, config.as_dict(), layers=())


def test_two_processes_asked_for_a_grid_of_24_runs_each_make_some_and_both_know_all(tmp_path: Path) -> None:
    location = str(tmp_path / "runs.db")
    Store.create(location)
    names = ("first", "second")
    sharing = [
        subprocess.Popen(
            [sys.executable, "-c", SHARE, *order, location],
            cwd=ROOT,
            env=environment(OMP_NUM_THREADS="2"),
            stdout=subprocess.PIPE,
        )
        for order in (names, names[::-1])
    ]
    (first, told), (second, told_too) = (json.loads(process.communicate(timeout=120)[0]) for process in sharing)
    assert first
    assert second
    assert set(first) & set(second) == set()
    assert len(first) + len(second) == 24
    assert told == told_too == dict.fromkeys([*first, *second], "converged")


def test_what_a_process_left_that_died_meanwhile_goes_on_from_its_latest_state(store: Store, tmp_path: Path) -> None:
    """It begins and dies after this process has planned, so that the plan knows nothing of its state."""
    configs = tiny_grid([0, 1], K=[3, 4], steps=9000)
    seen: dict[int, int] = {}

    def first_steps(progress: SweepProgress[Any]) -> None:
        if not seen:
            died = subprocess.run(
                [sys.executable, "-c", DIE, str(store.path)],
                cwd=ROOT,
                env=environment(NCCLI_CHECKPOINT_SECONDS="0"),
                check=False,
                timeout=120,
            )
            assert died.returncode == -9
        seen.setdefault(progress.part.job, progress.inner.step)

    statuses = execute(plan_runs(configs, store), DufmTrainer("cpu"), store, Watch(first_steps, on_trouble=pytest.fail))
    assert set(statuses.values()) == {"stopped"}
    assert seen[0] < 1000 < seen[1], "the second job began anew"
    alone = Store.create(str(tmp_path / "alone.db"))
    execute(plan_runs(configs, alone), DufmTrainer("cpu"), alone)
    assert {key: each["loss"] for key, each in records(store).items()} == {
        key: each["loss"] for key, each in records(alone).items()
    }
    assert list(tmp_path.glob("*-checkpoint-*")) == []


def test_of_a_job_that_others_have_begun_the_rest_is_trained_and_theirs_is_waited_for(store: Store) -> None:
    configs = tiny_grid(range(4))
    plan = plan_runs(configs, store)
    theirs = list(plan.configs)[1]
    other = Store.create(str(store.path))
    made: list[str] = []
    with Claims(other, pytest.fail) as claims:
        claims.take([theirs], lambda _: DufmTrainer("cpu").known(configs[1]))
        watch = Watch[Any](on_wait=lambda text: made.append(save_run(other, finished(configs[1]))))
        statuses = execute(plan, DufmTrainer("cpu"), store, watch, on_run=lambda run: made.append(run.id))
    assert made == [key for key in plan.configs if key != theirs] + [theirs]
    assert statuses == {key: "converged" if key == theirs else "stopped" for key in plan.configs}
    assert records(store)[theirs]["loss"] == 0.125


def test_runs_wait_for_nobody_while_they_have_not_had_their_turn(store: Store) -> None:
    """Only what is in hand is claimed."""
    plan = plan_runs(tiny_grid([0, 1], K=[3, 4]), store)
    claimed: list[set[str]] = []

    def look(progress: SweepProgress[Any]) -> None:
        with store.read() as connection:
            claimed.append(claimed_runs(connection))

    execute(plan, DufmTrainer("cpu"), store, Watch(look))
    keys = list(plan.configs)
    assert set(map(frozenset, claimed)) == {frozenset(keys[:2]), frozenset(keys[2:])}


def test_with_force_two_make_each_run_again_once(store: Store) -> None:
    """The second comes while the first is at its first job, and takes the other."""
    configs = tiny_grid([0, 1], K=[3, 4])
    execute(plan_runs(configs, store), DufmTrainer("cpu"), store)
    plan = plan_runs(configs, store, force=True)
    made: dict[str, list[str]] = {"first": [], "second": []}
    waited: list[str] = []

    def second(progress: SweepProgress[Any]) -> None:
        if not waited:
            other = Store.create(str(store.path))
            watch = Watch[Any](should_stop=lambda: bool(waited), on_wait=waited.append)
            execute(plan, DufmTrainer("cpu"), other, watch, on_run=lambda run: made["second"].append(run.id))

    execute(plan, DufmTrainer("cpu"), store, Watch(second), on_run=lambda run: made["first"].append(run.id))
    keys = list(plan.configs)
    assert made == {"first": keys[:2], "second": keys[2:]}


def test_a_store_that_fails_on_the_way_stops_nothing_and_all_results_are_rescued(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_runs(tiny_grid([0, 1], K=[3, 4]), store)
    honest, said = Store.write, list[str]()

    def write(self: Store) -> Any:
        if self.path == store.path:
            raise StoreError("the disk is full")
        return honest(self)

    watch = Watch[Any](lambda progress: monkeypatch.setattr(Store, "write", write), on_trouble=said.append)
    with pytest.raises(StoreError, match="4 runs are kept in"):
        execute(plan, DufmTrainer("cpu"), store, watch)
    (file,) = tmp_path.glob("runs.db-rescue-*.db")
    assert {key: each["status"] for key, each in records(Store.open(str(file))).items()} == dict.fromkeys(
        plan.configs, "stopped"
    )
    assert sum("without telling other processes" in text for text in said) == 1


def test_a_store_that_fails_at_once_is_told_before_anything_is_trained(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(self: Store) -> Any:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Store, "write", write)
    seen: list[Any] = []
    with pytest.raises(StoreError, match="the disk is full"):
        execute(plan_runs(tiny_grid([0, 1]), store), DufmTrainer("cpu"), store, Watch(seen.append))
    assert seen == []


def sizes(configs: list[DufmConfig], store: Store, cores: int) -> list[int]:
    jobs = jobs_of(plan_runs(configs, store), DufmTrainer("cpu"), store, pytest.fail, JobSize(cores=cores))
    return [len(job.configs) for job in jobs]


def test_long_runs_are_a_run_a_core_and_no_core_is_left_idle(store: Store) -> None:
    assert sizes(tiny_grid(range(5), steps=10**9), store, 1) == [1] * 5
    assert sizes(tiny_grid(range(9), steps=10**9), store, 3) == [3, 3, 3]
    assert sizes(tiny_grid(range(10), steps=10**9), store, 3) == [3, 3, 4]
    assert sizes(tiny_grid(range(2), steps=10**9), store, 3) == [2]


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_a_job_is_some_seconds_of_work_on_a_multiple_of_the_cores(workers: int) -> None:
    """At the rate of compiled code, some 10 Gflop/s a core."""
    counts = [batch_size.runs_a_job(flops, 10_000, "cpu", workers) for flops in (10**3, 10**5, 10**7)]
    assert all(count % workers == 0 for count in counts)
    assert all(big > small for big, small in pairwise(counts))
    for count, flops in zip(counts, (10**3, 10**5), strict=False):
        assert 2 < count / workers * flops * 10_000 / 1e10 < 10
    assert counts[-1] == workers


def test_without_a_compiler_small_runs_stay_together_so_that_a_step_is_worth_its_launch() -> None:
    assert batch_size.runs_a_job(10**4, 10**9, "cpu", 2, plain=True) >= 1000
    assert batch_size.runs_a_job(10**8, 10**9, "cpu", 2, plain=True) == 2


def test_a_gpu_gets_a_thousand_small_runs_and_more_but_never_all_there_are() -> None:
    assert batch_size.runs_a_job(10**6, 200_000, "cuda", 2) >= 1000
    assert 10_000 < batch_size.runs_a_job(10**3, 200_000, "cuda", 2) < 20_000
    assert batch_size.runs_a_job(10**11, 200_000, "cuda", 2) == 1
