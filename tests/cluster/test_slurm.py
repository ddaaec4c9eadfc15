"""Sweeps on a real Slurm of one node: the same results as here, whatever is killed, drained or left alone."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.command import Nccli
from tests.cli.sql import query
from tests.cluster.slurm_cluster import SlurmCluster
from tests.store.server import new_schema, postgresql, programs

ENDLESS = "train-dufm --K 4 --L 3 --n 10 --width 16 --tol 0 --steps 900000000"
GRID = "train-dufm --K 3 --L 3 --n 2 --width 6 --tol 0 --steps 2000"
LONG = "train-dufm --K 4 --L 3 --n 10 --width 16 --tol 0 --steps 400000"
SLURM = "--executor slurm --slurm partition=main,timeout_min=60"
FACTS = "SELECT id, status, steps, loss, tag FROM run ORDER BY id"


def until(holds: Callable[[], Any], seconds: float = 90) -> Any:
    """What it returns, as soon as that is something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{holds} did not hold within {seconds} s")


def jobs(run: Nccli, cluster: SlurmCluster, name: str) -> list[dict[str, Any]]:
    return run(f"sweep status {name}", **cluster.env).records


def states(run: Nccli, cluster: SlurmCluster, name: str) -> list[str]:
    return [record["state"] for record in jobs(run, cluster, name)]


def tasks(folder: Path) -> list[psutil.Process]:
    """The processes of tasks of a sweep in this folder; one that is about to become a compiler still has their name."""
    found = {}
    for process in psutil.process_iter(["cmdline", "ppid"]):
        line = " ".join(process.info["cmdline"] or [])
        if "submitit.core._submit" in line and str(folder) in line and not line.startswith("srun"):
            found[process.pid] = process
    return [process for process in found.values() if process.info["ppid"] not in found]


def progress(folder: Path) -> bool:
    """Whether a state of training is on disk."""
    return any(folder.glob("*-checkpoint-*.npz"))


OFTEN = {"NCCLI_CHECKPOINT_SECONDS": "0.2"}


def rows(folder: Path, text: str) -> list[tuple[Any, ...]]:
    """What the store in a folder answers."""
    return [tuple(row.values()) for row in query(folder / "nccli.db", text)]


def undisturbed(folder: Path, line: str) -> list[Any]:
    """What the same command stores on this machine."""
    folder.mkdir()
    Nccli(folder, installed=True)(f"{line} --quiet")
    return rows(folder, FACTS)


def test_a_sweep_is_an_array_no_longer_than_the_cluster_takes_and_ends_as_here(
    cluster: SlurmCluster, run: Nccli, tmp_path: Path
) -> None:
    line = f"{GRID} --seed 0..7 --tag ours"
    ended = run(f"{line} {SLURM} --jobs 8 --name arrays", **cluster.env)
    assert "8 tasks submitted for 8 runs" in ended.err
    assert len(ended.ids) == 8
    records = jobs(run, cluster, "arrays")
    assert [record["state"] for record in records] == ["merged"] * 8
    assert len({record["task"].partition("_")[0] for record in records}) == 2  # MaxArraySize is 6
    assert rows(tmp_path, FACTS) == undisturbed(tmp_path / "here", line)
    assert run(f"{line} {SLURM} --jobs 8 --name arrays", **cluster.env).ids == ended.ids
    assert len(jobs(run, cluster, "arrays")) == 8
    more = run(f"{GRID} --seed 0..8 {SLURM} --jobs 8 --name more", **cluster.env)
    assert "1 task submitted for 1 runs" in more.err


@pytest.mark.long
def test_a_task_that_is_killed_twice_is_given_up_while_others_go_on(
    cluster: SlurmCluster, run: Nccli, tmp_path: Path
) -> None:
    with run.start(f"{ENDLESS} --seed 0..1 {SLURM} --jobs 2 --name killed", {**cluster.env, **OFTEN}) as driver:
        until(lambda: len(tasks(tmp_path)) == 2 and progress(tmp_path))
        victim, spared = tasks(tmp_path)
        victim.kill()
        again = until(lambda: [process for process in tasks(tmp_path) if process not in (victim, spared)])
        again[0].kill()
        until(lambda: "given_up" in states(run, cluster, "killed"))
        assert spared.is_running()
        driver.send_signal(signal.SIGINT)
        _, err = driver.communicate(timeout=60)
    assert err.count(b"1 run of it begin again") == 1
    assert b"again: 1 run of it are given up" in err
    assert sorted(states(run, cluster, "killed")) == ["given_up", "running"]
    run("sweep cancel killed", **cluster.env)
    assert not tasks(tmp_path)


@pytest.mark.long
def test_a_detached_sweep_goes_on_survives_its_driver_and_is_come_back_to(
    cluster: SlurmCluster, run: Nccli, tmp_path: Path
) -> None:
    line = f"{LONG} --seed 0..3 {SLURM} --jobs 2 --name away"
    left = run(f"{line} --detach", **cluster.env, **OFTEN)
    assert left.out == ""
    assert "4 runs go on in the cluster: nccli sweep status away" in left.err
    victim, _ = until(lambda: len(found := tasks(tmp_path)) == 2 and found)
    victim.suspend()  # so that it is at work when it is killed, however fast this machine is
    with run.start(line, {**cluster.env}) as driver:
        time.sleep(4)
        driver.send_signal(signal.SIGKILL)
        driver.communicate(timeout=30)
    assert len(jobs(run, cluster, "away")) == 2, "the same command submitted again what is in hand"
    victim.kill()
    ended = run("sweep wait away", **cluster.env)
    assert len(ended.ids) == 4
    assert ended.err.count("begin again") == 1
    assert states(run, cluster, "away") == ["merged", "merged"]
    assert rows(tmp_path, "SELECT count(*) FROM run WHERE status = 'stopped'") == [(4,)]
    assert run("sweep status", **cluster.env).records[0]["name"] == "away"


@pytest.mark.long
def test_a_task_whose_node_is_taken_goes_on_from_its_state(cluster: SlurmCluster, run: Nccli, tmp_path: Path) -> None:
    line = f"{LONG} --seed 0..1".replace("400000", "1500000")
    run(f"{line} {SLURM} --name moved --detach", **cluster.env, **OFTEN)
    (task,) = until(lambda: progress(tmp_path) and tasks(tmp_path))
    (record,) = jobs(run, cluster, "moved")
    cluster.ask("scancel", "--signal", "USR2", record["task"])
    until(lambda: task not in tasks(tmp_path))
    log = Path(record["log"]).with_suffix(".out")
    until(lambda: "Requeued job" in log.read_text())
    assert progress(tmp_path)
    ended = run("sweep wait moved", **cluster.env)
    assert len(ended.ids) == 2
    (record,) = jobs(run, cluster, "moved")
    assert record["attempts"] == 1
    assert rows(tmp_path, FACTS) == undisturbed(tmp_path / "here", line)


@pytest.mark.long
def test_tasks_wait_for_a_drained_node_and_a_cancelled_sweep_keeps_what_it_made(
    cluster: SlurmCluster, run: Nccli, tmp_path: Path
) -> None:
    cluster.update_node("drain")
    try:
        run(f"{ENDLESS} --seed 0..1 {SLURM} --jobs 2 --name drained --detach", **cluster.env)
        assert states(run, cluster, "drained") == ["waiting"] * 2
        reason = until(lambda: [r["reason"] for r in jobs(run, cluster, "drained") if r["reason"] != "None"])
        assert any("drain" in each.lower() or "Resources" in each or "Priority" in each for each in reason)
    finally:
        cluster.update_node("resume")
    until(lambda: len(tasks(tmp_path)) == 2)
    ended = run("sweep cancel drained", **cluster.env)
    assert "2 tasks of sweep drained were ended" in ended.err
    assert not tasks(tmp_path)
    assert set(states(run, cluster, "drained")) == {"given_up"}
    assert "2 runs of sweep drained are not stored" in run("sweep wait drained", code=4, **cluster.env).err


def test_interrupting_the_driver_leaves_the_tasks_alone(cluster: SlurmCluster, run: Nccli, tmp_path: Path) -> None:
    with run.start(f"{ENDLESS} --seed 0 {SLURM} --name alone", cluster.env) as driver:
        until(lambda: tasks(tmp_path))
        driver.send_signal(signal.SIGINT)
        _, err = driver.communicate(timeout=30)
    assert driver.returncode == 130
    assert b"1 runs go on in the cluster" in err
    assert tasks(tmp_path)
    (record,) = jobs(run, cluster, "alone")
    cluster.ask("scancel", record["task"])
    ended = run("sweep wait alone", code=4, **cluster.env)
    assert "as CANCELLED" in ended.err
    assert "given up" in ended.err


@pytest.mark.long
def test_polished_ends_are_made_with_their_descents_and_networks_with_their_images(
    cluster: SlurmCluster, run: Nccli, tmp_path: Path
) -> None:
    run(f"{GRID} --seed 0..1 --polish {SLURM} --name ends", **cluster.env)
    assert rows(tmp_path, "SELECT finish, count(*) FROM run GROUP BY finish ORDER BY finish") == [
        ("plain", 2),
        ("polished", 2),
    ]
    network = "train-e2e --backbone mlp --width 6 --seed 0..1 --steps 20 --per-class 20"
    ended = run(f"{network} {SLURM} --name nets", **cluster.env)
    assert len(ended.ids) == 2
    assert states(run, cluster, "nets") == ["merged"] * 2


@pytest.mark.long
def test_a_file_of_sweeps_is_in_the_cluster_as_a_whole(cluster: SlurmCluster, run: Nccli, tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(
        'executor = "slurm"\nslurm = {partition = "main", timeout_min = 60}\nL = 3\nn = 2\nwidth = 6\nsteps = 2000\n'
        '[[entry]]\nname = "one"\ncommand = "train-dufm"\nK = 3\nseed = "0..1"\n'
        '[[entry]]\nname = "other"\ncommand = "train-dufm"\nK = 4\n'
    )
    assert len(run("sweep run two.toml", **cluster.env).ids) == 3
    assert {record["name"] for record in run("sweep status", **cluster.env).records} == {"one", "other"}


@pytest.mark.long
def test_tasks_write_to_a_server_where_the_store_is_one(cluster: SlurmCluster, run: Nccli, tmp_path: Path) -> None:
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed (no initdb): apt-get install postgresql")
    with postgresql(found) as url:
        env = {**cluster.env, "NCCLI_STORE": new_schema(url)}
        ended = run(f"{GRID} --seed 0..3 {SLURM} --jobs 2 --name server", **env)
        assert len(ended.ids) == 4
        assert run("sweep status server", **env).records[0]["state"] == "merged"
        listed = run("runs list --format jsonl", **env).records
    assert {record["status"] for record in listed} == {"stopped"}
    assert not list(tmp_path.glob("*-sweep-*/results/*.db"))


@pytest.mark.long
def test_force_replaces_what_is_stored(cluster: SlurmCluster, run: Nccli, tmp_path: Path) -> None:
    made = "SELECT id, created FROM run ORDER BY id"
    run(f"{GRID} --seed 0..1", **cluster.env)
    before = rows(tmp_path, made)
    run(f"{GRID} --seed 0..1 {SLURM} --force", **cluster.env)
    after = rows(tmp_path, made)
    assert [key for key, _ in before] == [key for key, _ in after]
    assert all(new > old for (_, old), (_, new) in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--slurm partition=nowhere", "partition=nowhere: the cluster has main"),
        ("--slurm partiton=main", "did you mean partition?"),
        ("--slurm timeout_min=soon", "timeout_min=soon: must be a number"),
        ("--slurm main", "write key=value"),
        ("--slurm array=0-3", "--slurm array"),
        ("--slurm begin=never", "the cluster refuses"),
        ("--device cuda", "gpus_per_node=1"),
        ("--name 'a b'", "the name of a sweep"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_submitted(
    cluster: SlurmCluster, tmp_path: Path, options: str, complaint: str
) -> None:
    ended = Nccli(tmp_path)(f"{GRID} --seed 0..1 --executor slurm {options}", code=2, **cluster.env)
    assert complaint in ended.err
    assert len(ended.err.splitlines()) <= 2
    assert not list(tmp_path.glob("*-sweep-*/jobs/*.json"))
    assert cluster.ask("squeue", "-h").strip() == ""


def test_a_cluster_that_does_not_answer_is_told_in_one_line(cluster: SlurmCluster, run: Nccli, tmp_path: Path) -> None:
    text = (cluster.folder / "slurm.conf").read_text()
    port = next(line for line in text.splitlines() if line.startswith("SlurmctldPort"))
    (tmp_path / "slurm.conf").write_text(text.replace(port, "SlurmctldPort=1"))
    env = {**cluster.env, "SLURM_CONF": str(tmp_path / "slurm.conf")}
    ended = run(f"{GRID} --executor slurm --steps 100000", code=2, **env)
    assert "the cluster cannot be reached" in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.long
def test_a_worker_of_another_version_is_told(cluster: SlurmCluster, run: Nccli, tmp_path: Path) -> None:
    script = (
        "import nccli.sweep.cluster.task as t, runpy, sys; t.SweepTask.__dataclass_fields__['version'].default = None\n"
        "original = t.SweepTask.__init__\n"
        "def older(self, folder, number, version='0.0.1'): original(self, folder, number, version)\n"
        "t.SweepTask.__init__ = older\n"
        "from nccli.cli import main; main()"
    )
    python = run.folder / "older.py"
    python.write_text(script)
    from tests.cli.command import NCCLI, environment

    line = [str(NCCLI.with_name("python")), str(python), *f"{GRID} {SLURM} --name older".split()]
    env = environment(**cluster.env)
    done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 4
    assert "submitted by nccli 0.0.1, and" in done.stderr
    assert json.loads(run("sweep status older", **cluster.env).out)["state"] == "failed"
