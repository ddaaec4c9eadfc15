"""A sweep that several processes share: the same results, never more processes, and little is lost with one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from nccli.e2e.load import ImageSource
from nccli.errors import InputError
from nccli.store import Store, claimed_runs
from nccli.sweep import DufmTrainer, E2eTrainer, JobSize, LocalExecutor, ProcessesExecutor, execute, jobs_of, plan_runs
from nccli.training.watch import Watch
from tests.e2e.image_files import config_of, write_npz
from tests.sweep.crew_processes import crew_of
from tests.sweep.sweeps import tiny_grid
from tests.sweep.test_elsewhere import facts, networks

CREW = ProcessesExecutor(2, 1)
LONG = 10**8


def crew() -> list[psutil.Process]:
    """The processes that work for this one."""
    return crew_of(psutil.Process())


def dufm() -> tuple[list[Any], DufmTrainer]:
    return tiny_grid(range(5), lr=[1 / 3]), DufmTrainer("cpu")


@pytest.mark.parametrize(
    "of_kind",
    [pytest.param(lambda folder: dufm(), id="dufm"), pytest.param(networks, id="e2e", marks=pytest.mark.long)],
)
def test_processes_store_what_one_process_stores_to_the_bit(store: Store, tmp_path: Path, of_kind: Any) -> None:
    configs, trainer = of_kind(tmp_path)
    alone = Store.create(str(tmp_path / "alone.db"))
    seen: list[int] = []
    watch: Watch[Any] = Watch(on_progress=lambda progress: seen.append(len(crew())))
    statuses = execute(plan_runs(configs, store), trainer, store, watch, CREW)
    assert statuses == execute(plan_runs(configs, alone), trainer, alone)
    assert facts(store) == facts(alone)
    assert max(seen, default=0) <= 2
    assert not crew()


def test_as_many_jobs_as_processes_where_there_are_runs_enough(store: Store) -> None:
    configs, trainer = dufm()
    plan = plan_runs(configs, store)
    sizes = [len(job.configs) for job in jobs_of(plan, trainer, store, pytest.fail, CREW.size)]
    assert sizes == [3, 2]
    of_shapes = tiny_grid(range(4), K=[3, 4])
    shared = jobs_of(plan_runs(of_shapes, store), trainer, store, pytest.fail, JobSize(4, 1))
    assert [len(job.configs) for job in shared] == [2, 2, 2, 2]
    assert len(jobs_of(plan, trainer, store, pytest.fail, LocalExecutor(trainer).size)) == 1


def killing(times: int, troubles: list[str]) -> Watch[Any]:
    """A watch that kills the process of whatever job it hears of, so many times."""
    killed: list[psutil.Process] = []

    def kill(progress: Any) -> None:
        for process in crew():
            if len(killed) < times and process not in killed:
                process.kill()
                killed.append(process)

    return Watch(on_progress=kill, on_trouble=troubles.append)


def test_a_killed_process_loses_only_its_job_which_another_makes(store: Store) -> None:
    troubles: list[str] = []
    configs, trainer = dufm()
    statuses = execute(plan_runs(configs, store), trainer, store, killing(1, troubles), ProcessesExecutor(1, 1))
    assert set(statuses.values()) <= {"stopped", "converged"}
    assert len(statuses) == len(configs)
    (trouble,) = troubles
    assert "job 1 of 1 was killed by SIGKILL" in trouble
    assert "5 runs of it begin again" in trouble


@pytest.mark.long
def test_a_job_whose_process_is_killed_again_is_given_up_and_the_others_are_made(store: Store) -> None:
    troubles: list[str] = []
    configs, trainer = dufm()
    configs += tiny_grid([0], width=[9])
    statuses = execute(plan_runs(configs, store), trainer, store, killing(2, troubles), ProcessesExecutor(1, 1))
    assert sorted(statuses.values()).count("failed") == 5
    assert statuses.keys() == plan_runs(configs, None).configs.keys()
    assert "given up" in troubles[1]
    with store.read() as connection:
        assert not claimed_runs(connection)
    again = execute(plan_runs(configs, store), trainer, store, executor=CREW)
    assert set(again.values()) <= {"stopped", "converged"}


def test_a_stop_request_ends_all_processes_and_keeps_what_they_had(store: Store) -> None:
    configs, trainer = tiny_grid(range(4), steps=LONG), DufmTrainer("cpu")
    begun: list[Any] = []
    watch: Watch[Any] = Watch(on_progress=begun.append, should_stop=lambda: len(begun) > 2)
    statuses = execute(plan_runs(configs, store), trainer, store, watch, CREW)
    assert set(statuses.values()) == {"interrupted"}
    assert not crew()


def test_what_a_job_raises_elsewhere_is_raised_here(store: Store, tmp_path: Path) -> None:
    file = write_npz(tmp_path / "own.npz")
    source = ImageSource(str(file), str(tmp_path), download=False)
    images = source.load()
    first = config_of(images, backbone="mlp")
    trainer = E2eTrainer(images, "cpu", source)
    write_npz(file, x_train=255 - images.train.images)
    with pytest.raises(InputError, match="not the images that the job is for"):
        execute(plan_runs([first, replace(first, seed=1)], store), trainer, store, executor=CREW)
    assert not crew()
    with store.read() as connection:
        assert not claimed_runs(connection)


def test_an_error_of_claiming_is_raised_while_processes_work(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    configs, trainer = dufm()
    plan = plan_runs(configs, store)
    known: Callable[[Any], Any] = trainer.known

    def failing(config: Any) -> Any:
        if config.seed == 4:
            raise InputError("as asked")
        return known(config)

    monkeypatch.setattr(trainer, "known", failing)
    with pytest.raises(InputError, match="as asked"):
        execute(plan, trainer, store, executor=CREW)
    assert not crew()
