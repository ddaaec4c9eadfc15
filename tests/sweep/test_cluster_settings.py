"""What a cluster is asked for, as text; and what is refused before anything is submitted."""

import json
from pathlib import Path
from typing import Any

import pytest

from nccli.errors import InputError, NothingFoundError
from nccli.store import Store
from nccli.sweep import DufmTrainer, jobs_of, plan_runs
from nccli.sweep.cluster import slurm
from nccli.sweep.cluster.folder import Outcome, Sweep, SweepFolder, location, sweeps, with_password
from nccli.sweep.cluster.settings import Settings, parse_settings
from tests.sweep.sweeps import tiny_grid

OF_SLURM = ("partition", "time", "constraint", "exclude", "gres", "array_parallelism", "nodes")
OF_SBATCH = ("partition", "reservation", "licenses", "array", "wrap", "nodes")


def parsed(*texts: str) -> Settings:
    return parse_settings(texts, OF_SLURM, OF_SBATCH)


def test_settings_are_read_as_they_are_written() -> None:
    found = parsed("partition=main,timeout_min=30,cpus_per_task=4", "exclude=n1,n2,mem_gb=1.5")
    assert found.known == {
        "partition": "main",
        "timeout_min": 30,
        "cpus_per_task": 4,
        "exclude": "n1,n2",
        "mem_gb": 1.5,
    }
    assert found.cores == 4
    assert not found.has_gpu
    assert Settings.from_dict(json.loads(json.dumps(found.as_dict()))) == found


@pytest.mark.parametrize("text", ["gpus_per_node=1", "gres=gpu:a100:1"])
def test_a_task_that_asks_for_a_gpu_has_one(text: str) -> None:
    assert parsed(text).has_gpu


def test_what_sbatch_alone_knows_is_passed_on_and_folders_are_ours() -> None:
    found = parsed("reservation=mine,folder=/shared/me,python=/opt/bin/python")
    assert found.further == {"reservation": "mine"}
    assert (found.folder, found.python) == (Path("/shared/me"), "/opt/bin/python")
    assert parsed().known == {"timeout_min": 60}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("main", "write key=value"),
        ("=main", "write key=value"),
        ("partiton=main", "did you mean partition"),
        ("nodes=2", "a sweep decides that by itself"),
        ("array=0-3", "no such setting"),
        ("partition=", "must be something"),
        ("timeout_min=1h", "timeout_min=1h: must be a number"),
        ("cpus_per_task=-1", "must be a number"),
    ],
)
def test_what_no_cluster_understands_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parsed(text)


def test_a_folder_that_the_nodes_do_not_see_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"%P": "main*\nlong\n", "%N": "node1\nnode2\n"}
    monkeypatch.setattr(slurm, "_ask", lambda *command, **_: answers[command[-1]])
    monkeypatch.setattr(slurm, "file_system", lambda path: "nfs4")
    folder = SweepFolder(tmp_path / "sweep")
    slurm.require_cluster(parsed("partition=long"), folder)
    with pytest.raises(InputError, match="the cluster has long, main"):
        slurm.require_cluster(parsed("partition=short"), folder)
    monkeypatch.setattr(slurm, "file_system", lambda path: "ext4")
    with pytest.raises(InputError, match=r"ext4 of this machine, which node1 does not see.*folder=PATH"):
        slurm.require_cluster(parsed(), folder)
    answers["%N"] = "localhost\n"
    slurm.require_cluster(parsed(), folder)


def test_a_folder_keeps_what_was_submitted_and_how_it_ended(tmp_path: Path) -> None:
    place = tmp_path / "runs.db"
    store = Store.create(str(place))
    folder = SweepFolder.beside(place, "mine")
    with pytest.raises(NothingFoundError, match="no sweep 'mine'"):
        SweepFolder.open(place, "mine")
    sweep = Sweep("mine", str(place), "aaaa", settings=parsed().as_dict())
    folder.create(sweep, elsewhere=tmp_path / "shared")
    assert (tmp_path / "shared" / folder.path.name / "jobs").is_dir()
    (job,) = jobs_of(plan_runs(tiny_grid(), store), DufmTrainer("cpu"), store, pytest.fail)
    assert folder.add([job, job]) == [0, 1]
    folder.note("submitted", [0, 1], ["7_0", "7_1"])
    folder.tell(0, Outcome("7_0", "done", "node1", made=2, remarks=("a remark",)))
    folder.note("merged", [0])
    with (folder.path / "log.jsonl").open("a") as log:
        log.write('{"event": "submit')  # its process was killed while it wrote
    again: dict[int, Any] = SweepFolder.open(place, "mine").tasks()
    assert [task.open for task in again.values()] == [False, True]
    assert folder.outcome(again[0]) == Outcome("7_0", "done", "node1", made=2, remarks=("a remark",))
    assert folder.outcome(again[1]) is None
    assert folder.job(1).configs == job.configs
    assert location(folder, 1) == str(folder.results(1))
    assert [each.sweep.name for each in sweeps(place)] == ["mine"]
    assert SweepFolder.open(place, "m").path == folder.path
    SweepFolder.beside(place, "most").create(Sweep("most", str(place), "bbbb"))
    with pytest.raises(InputError, match="several sweeps begin with 'm': m"):
        SweepFolder.open(place, "m")
    with pytest.raises(InputError, match="choose another --name"):
        folder.create(Sweep("mine", str(place), "bbbb"))


def test_no_password_is_written_to_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "postgresql+psycopg://me:secret@db.example/runs"
    hidden = Store.at(secret).location
    assert "secret" not in hidden
    monkeypatch.delenv("NCCLI_STORE", raising=False)
    with pytest.raises(InputError, match="NCCLI_STORE"):
        with_password(hidden)
    monkeypatch.setenv("NCCLI_STORE", secret)
    assert with_password(hidden) == secret
