"""Jobs carried out by tasks of a Slurm cluster, which fill stores of their own and go on without this process."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nccli.errors import InputError
from nccli.store import Store
from nccli.sweep.cluster import slurm
from nccli.sweep.cluster.folder import Sweep, SweepFolder
from nccli.sweep.cluster.settings import Settings
from nccli.sweep.cluster.tasks import LOOK_SECONDS, Tasks
from nccli.sweep.executors.supply import Supply
from nccli.sweep.job import Job
from nccli.sweep.job_size import JobSize
from nccli.sweep.progress import SweepProgress
from nccli.sweep.sink import Sink
from nccli.training.watch import Watch

_SECONDS = 120.0
"""A taste: work of a task on the CPU. To begin one takes some ten seconds, and a sweep should spread over nodes."""

_GPU_BYTES = 2**34
"""A bound: the memory of the smallest GPUs that clusters have; what they have cannot be seen from here."""

_QUIET_SECONDS = 0.5
"""A taste: jobs that come within this time of each other are submitted together."""

_POLL_SECONDS = 0.1
"""A taste: Ctrl-C is heeded that often."""


class SlurmExecutor:
    """Submits what the cluster does not have in hand, follows it, and merges what tasks make.

    Attributes:
        folder: of the sweep, which `nccli sweep` finds by name.
    """

    prepares = False

    def __init__(self, store: Store, sweep: Sweep, settings: Settings, device: str, detach: bool) -> None:
        """Refuse what cannot be; nothing is submitted or written yet.

        Args:
            store: where runs go.
            sweep: which it is.
            settings: of the cluster.
            device: "cpu" or "cuda", of the tasks.
            detach: whether to return once all is submitted.

        Raises:
            InputError: the cluster cannot be reached, has no such partition, or does not see the folder.
        """
        self.folder = SweepFolder.beside(store.path, sweep.name)
        place = None if settings.folder is None else SweepFolder(settings.folder / self.folder.path.name)
        slurm.require_cluster(settings, place or self.folder)
        self._store, self._sweep, self._settings, self._detach = store, sweep, settings, detach
        memory = _GPU_BYTES if device == "cuda" else _memory(settings)
        self.size = JobSize(sweep.at_once or 1, settings.cores, _SECONDS, memory)

    @property
    def states(self) -> Path | None:
        """In the folder of the sweep where that is not beside the store."""
        return None if self._settings.folder is None else self.folder.path / "state-checkpoint-"

    def run(self, jobs: Iterable[Job[Any]], results: Sink, watch: Watch[SweepProgress[Any]]) -> Mapping[str, str]:
        """As `nccli.sweep.executors.executor.Executor` has it; once asked to stop, tasks go on without us."""
        self.folder.create(self._sweep, self._settings.folder)
        tasks = Tasks(self.folder, self._store, watch)
        tasks.take_on()
        supply, new = Supply(jobs), list[Job[Any]]()
        came = looked = time.monotonic()
        while not watch.should_stop():
            now = time.monotonic()
            job = supply.ask()
            if job is not None:
                new += self._not_in_hand(job, tasks)
                came = now
                continue
            settled = supply.ended or now - came > _QUIET_SECONDS
            if new and settled:
                self._submit(new, tasks, watch)
                new = []
            if (settled and self._detach) or (supply.ended and not tasks.go_on()):
                break
            if now - looked >= LOOK_SECONDS:
                tasks.look()
                looked = now
            time.sleep(_POLL_SECONDS)
        return tasks.stop_following()

    def _submit(self, jobs: list[Job[Any]], tasks: Tasks, watch: Watch[SweepProgress[Any]]) -> None:
        """Submit jobs; where the cluster refuses, nothing of them is left behind."""
        numbers = self.folder.add(jobs)
        try:
            tasks.submit(numbers)
        except InputError:
            self.folder.remove(numbers)
            raise
        runs = sum(len(job.configs) for job in jobs)
        many = "1 task" if len(jobs) == 1 else f"{len(jobs)} tasks"
        watch.on_note(f"sweep {self._sweep.name}: {many} submitted for {runs} runs, in {self.folder.path}")

    def _not_in_hand(self, job: Job[Any], tasks: Tasks) -> list[Job[Any]]:
        """What of a job no task will make."""
        there = tasks.in_hand
        left = [key for key in job.by_id if key not in there]
        return [job.only(left)] if left else []


def _memory(settings: Settings) -> int | None:
    """Of a task, in bytes; None where nothing is said."""
    asked = settings.known.get("mem_gb")
    return None if asked is None else int(float(asked) * 2**30)
