"""What a sweep asks of whoever carries out its jobs."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from nccli.sweep.job import Job
from nccli.sweep.job_size import JobSize
from nccli.sweep.progress import SweepProgress
from nccli.sweep.sink import Sink
from nccli.training.watch import Watch

ATTEMPTS = 2
"""A taste: how often a run is begun whose process is lost; a job that takes too much memory does so again."""


class Executor(Protocol):
    """Carries out jobs: in this process, in others, on other machines.

    A job's runs are claimed in the moment in which it is taken from `jobs`, by this process, which shows that it lives
    for as long as `run` lasts. So an executor takes no more jobs than it can have in hand, and takes the next when one
    has ended. Taking one may last: where all that is left is being made elsewhere, it waits. An executor with several
    jobs in hand takes them in threads of its own, one thread at a time (`jobs` is a generator).

    Elsewhere, a job is carried out by `nccli.sweep.executors.local.carry_out(Job.from_dict(…), results)`, where
    `results` is a store of its own, to be merged, or whatever hands each run to the `results` given here.
    """

    @property
    def prepares(self) -> bool:
        """Whether runs that others begin with are made before these are taken; else each job makes what it needs."""

    @property
    def states(self) -> Path | None:
        """Beginning of the paths of states of training; None for beside the store."""

    @property
    def size(self) -> JobSize:
        """What its jobs are cut for."""

    def run(self, jobs: Iterable[Job[Any]], results: Sink, watch: Watch[SweepProgress[Any]]) -> Mapping[str, str]:
        """Carry out jobs until there are none, and hand over each run as it ends.

        Args:
            jobs: claimed as they are taken; they end by themselves once `watch.should_stop` holds.
            results: takes the runs, in one thread at a time.
            watch: who watches. Once `should_stop` holds, runs in hand end as "interrupted".

        Returns:
            Status of runs that did not come to `results` nor into the store: "failed" where they were lost with whoever
            made them, of which `watch.on_trouble` was told; "running" where they go on without this process.

        Raises:
            NccliError: what a job raised; jobs in hand were ended.
        """
