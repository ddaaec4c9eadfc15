"""How a sweep in a cluster stands, job by job, whoever submitted it."""

from collections.abc import Mapping
from typing import Any

from nccli.catalogue.runs import FINISHED
from nccli.store import Store, existing_statuses
from nccli.sweep.cluster import slurm
from nccli.sweep.cluster.folder import Outcome, SweepFolder, Task


def overview(folder: SweepFolder, store: Store) -> list[dict[str, Any]]:
    """A record a job: `job`, `state`, `runs`, `stored`, `made`, `task`, `attempts`, `node`, `reason`, `error`, `log`.

    `state` is waiting, running, done or failed by the account of its task, merged, given_up; lost, of which the cluster
    no longer knows; unknown, where it does not answer; `stored` counts the runs that the store has, `made` those that
    the task has.
    """
    tasks = folder.tasks()
    ids = [task.ids[-1] for task in tasks.values() if task.open and task.ids]
    try:
        living: Mapping[str, slurm.Alive] | None = slurm.alive(ids)
    except slurm.UnreachableError:
        living = None
    records = []
    for number, task in tasks.items():
        runs = list(folder.job(number).by_id)
        with store.read() as connection:
            there = existing_statuses(connection, runs)
        outcome, key = folder.outcome(task), task.ids[-1] if task.ids else None
        here = None if living is None or key is None else living.get(key)
        records.append(
            {
                "job": number,
                "state": _state(task, outcome, living, here),
                "runs": len(runs),
                "stored": sum(status in FINISHED for status in there.values()),
                "made": None if outcome is None else outcome.made,
                "task": key,
                "attempts": len(task.ids),
                "node": here.node if here is not None and here.node else None if outcome is None else outcome.host,
                "reason": here.reason if here is not None and here.state == "PENDING" else None,
                "error": None if outcome is None else outcome.error,
                "log": None if key is None else str(folder.log_of(key)),
            }
        )
    return records


def _state(
    task: Task, outcome: Outcome | None, living: Mapping[str, slurm.Alive] | None, here: slurm.Alive | None
) -> str:
    if outcome is not None and outcome.state == "failed":
        return "failed"
    if not task.open:
        return "given_up" if task.given_up else "merged"
    if outcome is not None and outcome.state == "done":
        return "done"
    if living is None:
        return "unknown"
    if here is None:
        return "lost"
    return "waiting" if here.state == "PENDING" else "running"
