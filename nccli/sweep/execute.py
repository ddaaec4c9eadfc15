"""Carrying a grid out: what is stored is returned, the rest is claimed job by job, trained, and stored run by run."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from nccli.catalogue.runs import FINISHED
from nccli.store import Claims, FinishedRun, Rescue, Store, existing_statuses, tag_runs
from nccli.store_files import CHECKPOINT, ON_A_SERVER
from nccli.sweep.executors.executor import Executor
from nccli.sweep.executors.local import LocalExecutor
from nccli.sweep.job import Job
from nccli.sweep.job_size import JobSize
from nccli.sweep.plan import Config, Plan, plan_runs
from nccli.sweep.progress import SweepProgress
from nccli.sweep.queue import JobQueue
from nccli.sweep.sink import Noted, Nowhere, Sink, Tagged
from nccli.sweep.trainers import Trainer
from nccli.training.group import Group
from nccli.training.watch import Watch


def execute(
    plan: Plan[Config],
    trainer: Trainer[Config],
    store: Store | None,
    watch: Watch[SweepProgress[Any]] | None = None,
    executor: Executor | None = None,
    group: Group | None = None,
    on_run: Callable[[FinishedRun], None] = lambda run: None,
    states: Path | None = None,
) -> dict[str, str]:
    """Train what the plan leaves, storing each run as it ends.

    All processes that are asked for a grid share it: each claims a job when it is done with its last. Runs that another
    process is training are waited for in the end, and trained here if it gives up or dies. The state of a job is kept
    beside the store while it is trained, and whoever claims its runs next goes on from there.

    Args:
        plan: from `plan_runs`, the same in every process of a group.
        trainer: of the kind of the runs.
        store: where runs go; None in processes that do not lead.
        watch: who watches.
        executor: carries out the jobs; by default this process, one after the other.
        group: the processes that train together.
        on_run: called in the process that leads with each run when it is stored.
        states: beginning of the paths of states of training; by default where the executor or the store has them.

    Returns:
        Status by run id, of stored and new runs; "failed" for those that were lost with their process, and "running"
        for those that go on without this one.
        Runs never begun are absent.

    Raises:
        InputError: a device that is not there, or a run that does not fit into memory; nothing was trained.
        StoreError: the store failed; results that it did not take lie in the file that the message names.
    """
    watch, group = watch or Watch(), group or Group()
    statuses, left = dict(plan.stored), plan.left
    if store is not None and plan.tag is not None:
        tag_runs(store, list(plan.stored), plan.tag)
    if not left:
        return statuses
    executor = executor or LocalExecutor(trainer)
    states = states or executor.states or _states(store)
    needed: list[Config] = trainer.earlier(list(left.values())) if executor.prepares else []
    if needed:
        execute(_needed(plan, needed, trainer, store), trainer, store, watch, executor, group, states=states)
        if group.any(watch.should_stop()):
            return statuses
    if store is not None:
        trainer.prepare(store, list(left.values()), states, watch)
    jobs = trainer.jobs(list(left.values()), states, watch.on_trouble, executor.size)
    with ExitStack() as stack:
        claims, results = None, Noted(Nowhere(), statuses, lambda run: None)
        if store is not None:
            claims = Claims(store, watch.on_trouble, plan.force, executor.prepares or store.path is not None)
            kept: Sink = stack.enter_context(Rescue(store, watch.on_trouble, claims))
            results = Noted(kept if plan.tag is None else Tagged(kept, plan.tag), statuses, on_run)
            stack.enter_context(claims)
        queue = JobQueue(jobs, trainer.known, claims, group, watch, statuses)
        group.leader_does(queue.look)
        missing = executor.run(queue, results, watch)
    if store is not None:
        statuses |= _merged(store, [key for key in queue.given if key not in statuses])
        statuses |= {key: status for key, status in missing.items() if statuses.get(key) not in FINISHED}
        trainer.tidy(store, states)
    return statuses


def jobs_of(
    plan: Plan[Config],
    trainer: Trainer[Config],
    store: Store | None,
    on_trouble: Callable[[str], None],
    size: JobSize | None = None,
) -> list[Job[Config]]:
    """The jobs that a plan leaves to do, none of them claimed, and before them those that they need.

    Args:
        plan: from `plan_runs`.
        trainer: of the kind of the runs.
        store: beside which states of training lie; in the current folder for one that is no file.
        on_trouble: called with a line for every state that cannot be used.
        size: what jobs are cut for; by default for this process alone.

    Raises:
        InputError: a run that cannot be trained here.
    """
    left = list(plan.left.values())
    needed: Plan[Config] = plan_runs(trainer.earlier(left), store)
    before = list(needed.left.values())
    jobs: list[Job[Config]] = trainer.jobs(before, _states(store), on_trouble, size) if before else []
    return jobs + trainer.jobs(left, _states(store), on_trouble, size)


def _needed(
    plan: Plan[Config], needed: Sequence[Config], trainer: Trainer[Config], store: Store | None
) -> Plan[Config]:
    """The plan of runs that others begin with: those that are of no use for it are made again, with force."""
    first: Plan[Config] = plan_runs(needed, store)
    if not plan.force or store is None:
        return first
    useless = set(trainer.useless(store, list(first.stored)))
    return replace(first, stored={key: s for key, s in first.stored.items() if key not in useless}, force=bool(useless))


def _merged(store: Store, ids: Sequence[str]) -> dict[str, str]:
    """How runs ended that came into the store by another way than through the sink."""
    if not ids:
        return {}
    with store.read() as connection:
        return existing_statuses(connection, ids)


def _states(store: Store | None) -> Path:
    """Beginning of the paths of all states of training."""
    anchor = (None if store is None else store.path) or ON_A_SERVER
    return anchor.with_name(f"{anchor.name}{CHECKPOINT}")
