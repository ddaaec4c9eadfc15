"""What differs between the kinds of runs that are trained: one object each, behind one protocol."""

from typing import Any

from nccli.sweep.job import Job
from nccli.sweep.trainers.dufm import DufmTrainer
from nccli.sweep.trainers.e2e import E2eTrainer
from nccli.sweep.trainers.search import SearchTrainer
from nccli.sweep.trainers.trainer import Trainer

_TRAINERS: dict[str, type[DufmTrainer] | type[E2eTrainer] | type[SearchTrainer]] = {
    "dufm": DufmTrainer,
    "e2e": E2eTrainer,
    "search": SearchTrainer,
}

__all__ = ["DufmTrainer", "E2eTrainer", "SearchTrainer", "Trainer", "trainer_of"]


def trainer_of(job: Job[Any]) -> Trainer[Any]:
    """The trainer that a job asks for, in a process that knows nothing but the job.

    Raises:
        InputError: what the job needs is not here: its device, its images.
    """
    return _TRAINERS[job.kind].of(job)
