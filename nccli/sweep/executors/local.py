"""Jobs carried out in this process, one after the other."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from nccli.sweep.job import Job
from nccli.sweep.job_size import JobSize
from nccli.sweep.progress import SweepProgress
from nccli.sweep.sink import Sink
from nccli.sweep.trainers import Trainer, trainer_of
from nccli.training.watch import Watch


class LocalExecutor:
    """Carries out jobs one by one, with the trainer that is there."""

    prepares, states = True, None

    def __init__(self, trainer: Trainer[Any]) -> None:
        """The trainer keeps between jobs what they share: images on the device."""
        self._trainer = trainer
        self.size = JobSize()

    def run(self, jobs: Iterable[Job[Any]], results: Sink, watch: Watch[SweepProgress[Any]]) -> Mapping[str, str]:
        """As `nccli.sweep.executors.executor.Executor` has it."""
        for job in jobs:
            carry_out(job, results, watch, self._trainer)
        return {}


def carry_out(
    job: Job[Any],
    results: Sink,
    watch: Watch[SweepProgress[Any]] | None = None,
    trainer: Trainer[Any] | None = None,
) -> None:
    """Train the runs of one job that are claimed.

    Args:
        job: the runs; all that is needed for them is in it.
        results: takes each run as it ends.
        watch: who watches.
        trainer: by default the one that the job asks for.

    Raises:
        InputError: what the job needs is not here.
        StoreError: the sink did not take a run.
    """
    outer: Watch[SweepProgress[Any]] = watch or Watch()

    def report(inner: Any) -> None:
        outer.on_progress(SweepProgress(job.part, inner))

    inner: Watch[Any] = replace(outer, on_progress=report)
    for run in (trainer or trainer_of(job)).train(job, inner):
        results.save(run)
