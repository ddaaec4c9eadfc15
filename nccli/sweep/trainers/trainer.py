"""What a sweep must know of a kind of run."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from nccli.store import FinishedRun, Store
from nccli.sweep.job import Job
from nccli.sweep.job_size import JobSize
from nccli.sweep.plan import Config
from nccli.training.watch import Watch


class Trainer(Protocol[Config]):
    """How runs of one kind become jobs, and jobs results."""

    @classmethod
    def of(cls, job: Job[Config]) -> "Trainer[Config]":
        """The trainer that a job asks for.

        Raises:
            InputError: what it needs is not here.
        """

    @property
    def device(self) -> str:
        """Where runs are trained, "cpu" or "cuda"."""

    def jobs(
        self,
        configs: Sequence[Config],
        states: Path,
        on_trouble: Callable[[str], None],
        size: JobSize | None = None,
    ) -> list[Job[Config]]:
        """Split runs that are left to train, none of them claimed yet.

        Args:
            configs: the runs.
            states: as `Job` has it.
            on_trouble: called with a line for every state on disk that cannot be used.
            size: what jobs are cut for, where their kind can be cut; by default for this process alone.

        Raises:
            InputError: a run that cannot be trained here.
        """

    def earlier(self, configs: Sequence[Config]) -> list[Config]:
        """Runs that must be stored before these can be made."""

    def processes(self, runs: int) -> int:
        """How many processes suit so many runs, at most one each."""

    def useless(self, store: Store, ids: Sequence[str]) -> list[str]:
        """Of stored runs those that lack what others begin with."""

    def prepare(self, store: Store, configs: Sequence[Config], states: Path, watch: Watch[Any]) -> None:
        """Take from the store what it has that runs begin with; called before `jobs`, when `earlier` runs are stored.

        Raises:
            InputError: it lacks what a run needs.
        """

    def known(self, config: Config) -> dict[str, Any]:
        """What is known of a run before it is made, as columns of table `run`."""

    def train(self, job: Job[Config], watch: Watch[Any]) -> Iterator[FinishedRun]:
        """Carry out a job whose runs are claimed, from the latest states on disk; runs as they end.

        Once `watch.should_stop` holds the runs in hand end as "interrupted", and those not begun are left out.
        """

    def tidy(self, store: Store, states: Path) -> None:
        """Remove states of runs that have all been stored since."""
