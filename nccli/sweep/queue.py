"""The jobs of a sweep as this process gets them: claimed one by one, so that all that are asked for a grid share it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic

from nccli.errors import StoreError
from nccli.store import Claims, Taken
from nccli.sweep.job import Job
from nccli.sweep.plan import Config
from nccli.sweep.waiting import Waiting
from nccli.training.group import Group
from nccli.training.watch import Watch


class JobQueue(Generic[Config]):
    """Jobs, each claimed when it is asked for; it holds those of its runs that are ours.

    Runs that others are making are looked at again when all jobs have had their turn, until they are stored, or free
    because their process gave up or died.

    Attributes:
        given: runs that were asked for so far.
    """

    def __init__(
        self,
        jobs: Sequence[Job[Config]],
        known: Callable[[Config], Mapping[str, Any]],
        claims: Claims | None,
        group: Group,
        watch: Watch[Any],
        statuses: dict[str, str],
    ) -> None:
        """Nothing is claimed yet.

        Args:
            jobs: of the whole sweep.
            known: columns of table `run` that are known of a run before it is made.
            claims: by which the leader claims runs; None in the other processes of a group.
            group: processes that train together; each has a queue of its own, and all give the same jobs.
            watch: who watches.
            statuses: takes the statuses of runs that others have made.
        """
        self._jobs: Sequence[Job[Config]] = jobs
        self._known: Callable[[Config], Mapping[str, Any]] = known
        self.given: list[str] = []
        self._unclaimed = False
        self._claims, self._group, self._watch, self._statuses = claims, group, watch, statuses

    def look(self) -> None:
        """Note what is stored: with force, what another process makes again from here on is not made once more."""
        if self._claims is not None:
            self._claims.look([key for job in self._jobs for key in job.by_id])

    def __iter__(self) -> Iterator[Job[Config]]:
        """Jobs until every run is made, by us or others, or we are asked to stop."""
        waiting = Waiting(self._watch.should_stop, self._watch.on_wait)
        left = list(self._jobs)
        while left:
            busy: dict[str, str] = {}
            later, idle = [], True
            for job in left:
                if self._group.any(self._watch.should_stop()):
                    return
                taken = self._take(job)
                self._statuses.update(taken.stored)
                if taken.busy:
                    busy.update(taken.busy)
                    later.append(job.only(taken.busy))
                if taken.ours:
                    idle = False
                    self.given += taken.ours
                    yield job.only(taken.ours)
            if later and idle and self._group.leads:
                waiting.wait(busy)
            left = later

    def _take(self, job: Job[Config]) -> Taken:
        """What came of the leader's claim on the runs of a job, in every process."""
        taken: Taken = self._group.from_leader(self._group.leader_does(lambda: self._claimed(job)))
        return taken

    def _claimed(self, job: Job[Config]) -> Taken | None:
        """Claim the runs of a job. A store that fails on the way stops nothing: results are rescued, if need be."""
        if self._claims is None:
            return None
        configs = job.by_id
        try:
            return self._claims.take(list(configs), lambda key: self._known(configs[key]))
        except StoreError as error:
            if not self.given:
                raise
            if not self._unclaimed:
                self._watch.on_trouble(f"{error}; what is left is trained without telling other processes")
            self._unclaimed = True
            return Taken(tuple(configs), {}, {})
