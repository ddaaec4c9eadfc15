"""A job is data: written to a file and carried out by another process, it gives the same results to the bit."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from nccli.e2e.config import E2eConfig
from nccli.e2e.load import ImageSource
from nccli.errors import InputError
from nccli.store import FinishedRun, Store, merge_stores, run_records, select_history, select_runs
from nccli.sweep import DufmTrainer, E2eTrainer, Job, JobSize, SweepProgress, Trainer, execute, jobs_of, plan_runs
from nccli.sweep.executors.local import carry_out
from nccli.sweep.sink import Sink
from nccli.training.watch import Watch
from tests.e2e.image_files import config_of, write_npz
from tests.sweep.sweeps import tiny_grid

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys
from nccli.store import Rescue, Store
from nccli.sweep import Job
from nccli.sweep.executors.local import carry_out

with Rescue(Store.create(sys.argv[2]), print) as results:
    carry_out(Job.from_dict(json.load(open(sys.argv[1]))), results)
"""
OF_THE_MAKING = ("created", "started", "seconds", "torch_version", "steps_by")


@dataclass(frozen=True)
class Elsewhere:
    """An executor that writes each job to a file, has another process carry it out, and merges what that stored."""

    folder: Path
    target: Store
    prepares, states, size = True, None, JobSize()

    def run(self, jobs: Iterable[Job[Any]], results: Sink, watch: Watch[SweepProgress[Any]]) -> Mapping[str, str]:
        for number, job in enumerate(jobs):
            file, made = self.folder / f"job{number}.json", self.folder / f"job{number}.db"
            file.write_text(json.dumps(job.as_dict()))
            subprocess.run([sys.executable, "-c", SCRIPT, str(file), str(made)], cwd=ROOT, check=True, timeout=120)
            merge_stores([str(made)], self.target)
        return {}


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.runs: dict[str, FinishedRun] = {}

    def save(self, run: FinishedRun) -> str:
        self.runs[run.id] = run
        return run.id


def facts(store: Store) -> dict[str, Any]:
    """All that is stored of each run, but when and in what time it was made."""
    with store.read() as connection:
        records = run_records(connection, select_runs(connection))
        histories = select_history(connection, [record["id"] for record in records])
    return {
        record["id"]: repr(({k: v for k, v in record.items() if k not in OF_THE_MAKING}, histories[record["id"]]))
        for record in records
    }


def networks(folder: Path) -> tuple[list[E2eConfig], E2eTrainer]:
    """Three runs on images in a file, two of one shape."""
    source = ImageSource(str(write_npz(folder / "own.npz")), str(folder), download=False)
    images = source.load()
    first = config_of(images, backbone="mlp")
    configs = [first, replace(first, seed=1), replace(first, width=8)]
    return configs, E2eTrainer(images, "cpu", source, together=2)


def batches(folder: Path) -> tuple[list[Any], DufmTrainer]:
    """Four runs of two shapes; what JSON must not round is in the rates."""
    return tiny_grid([0, 1], K=[3, 4], lr=[1 / 3]), DufmTrainer("cpu")


@pytest.mark.parametrize("of_kind", [batches, pytest.param(networks, marks=pytest.mark.long)])
def test_jobs_carried_out_by_other_processes_give_the_same_results_to_the_bit(tmp_path: Path, of_kind: Any) -> None:
    configs, trainer = of_kind(tmp_path)
    here, target = (Store.create(str(tmp_path / name)) for name in ("here.db", "target.db"))
    statuses = execute(plan_runs(configs, here), trainer, here)
    assert execute(plan_runs(configs, target), trainer, target, executor=Elsewhere(tmp_path, target)) == statuses
    assert len(list(tmp_path.glob("job*.json"))) == 2
    assert facts(target) == facts(here)


def test_a_job_says_by_itself_where_its_states_and_images_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configs, _ = networks(tmp_path)
    monkeypatch.chdir(tmp_path)
    source = ImageSource("own.npz", ".", download=False)
    job = jobs_of(plan_runs(configs, None), E2eTrainer(source.load(), "cpu", source), None, pytest.fail)[0]
    text = json.dumps(job.as_dict())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again, results = Job.from_dict(json.loads(text)), Kept()
    assert (again.configs, again.part, again.states) == (job.configs, job.part, tmp_path / "nccli-checkpoint-")
    carry_out(again, results)
    assert [run.row["status"] for run in results.runs.values()] == ["stopped"]


def test_a_job_for_other_images_than_it_finds_is_refused(tmp_path: Path) -> None:
    configs, trainer = networks(tmp_path)
    (job, *_) = jobs_of(plan_runs(configs, None), trainer, None, pytest.fail)
    other = replace(job, configs=(replace(job.configs[0], data="0" * 16),))
    with pytest.raises(InputError, match="not the images"):
        carry_out(other, Kept())


def test_some_runs_of_a_job_are_a_job(tmp_path: Path) -> None:
    configs, trainer = batches(tmp_path)
    (job, *_) = jobs_of(plan_runs(configs, None), trainer, None, pytest.fail)
    key = list(job.by_id)[1]
    part = job.only([key])
    assert list(part.by_id) == [key]
    assert (part.part, part.options) == (job.part, job.options)


def test_each_kind_has_its_trainer_behind_one_protocol(tmp_path: Path) -> None:
    trainers: list[Trainer[Any]] = [batches(tmp_path)[1], networks(tmp_path)[1]]
    for trainer, configs in zip(trainers, (batches(tmp_path)[0], networks(tmp_path)[0]), strict=True):
        columns = trainer.known(configs[0])
        assert columns["kind"] == configs[0].kind
        assert columns["config"] == configs[0].as_dict()
        assert not columns.keys() & {"loss", "status", "created"}
