"""Jobs carried out by several processes of this machine, at most so many at a time."""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from nccli.catalogue.runs import FAILED
from nccli.sweep.executors.crew import Member, Message, listen
from nccli.sweep.executors.executor import ATTEMPTS
from nccli.sweep.executors.supply import Supply
from nccli.sweep.job import Job
from nccli.sweep.job_size import JobSize
from nccli.sweep.progress import SweepProgress
from nccli.sweep.sink import Sink
from nccli.training.watch import Watch

_POLL_SECONDS = 0.1
"""A taste: Ctrl-C is felt to act at once."""


class ProcessesExecutor:
    """Keeps a crew busy. Runs come back to this process, which alone writes into the store."""

    prepares, states = True, None

    def __init__(self, processes: int, cores: int) -> None:
        """A crew of at most so many processes, each with so many cores; they are started as there are jobs."""
        self.size = JobSize(processes, cores)

    def run(self, jobs: Iterable[Job[Any]], results: Sink, watch: Watch[SweepProgress[Any]]) -> Mapping[str, str]:
        """As `nccli.sweep.executors.executor.Executor` has it."""
        crew = _Crew(self.size, Supply(jobs), results, watch)
        try:
            while crew.goes_on():
                if watch.should_stop():
                    crew.stop()
                else:
                    crew.share_out()
                crew.listen()
        finally:
            crew.end()
        return dict.fromkeys(crew.lost, FAILED)


class _Crew:
    """What is in hand, of whom, and what was lost."""

    def __init__(self, size: JobSize, supply: Supply, results: Sink, watch: Watch[SweepProgress[Any]]) -> None:
        self._size, self._supply, self._results, self._watch = size, supply, results, watch
        self._members: list[Member] = []
        self._again: deque[Job[Any]] = deque()
        self._begun: Counter[str] = Counter()
        self._noted: set[str] = set()
        self._stopping = False
        self.lost: set[str] = set()

    def goes_on(self) -> bool:
        """Whether there is something to do, now or once it can be claimed."""
        busy = any(member.job is not None for member in self._members)
        return busy or not (self._stopping or (self._supply.ended and not self._again))

    def share_out(self) -> None:
        """Give jobs to processes that have none, as long as there are jobs and processes may be started."""
        while True:
            idle = next((member for member in self._members if member.job is None), None)
            if idle is None and len(self._members) == self._size.at_once:
                return
            job = self._again.popleft() if self._again else self._supply.ask()
            if job is None:
                return
            self._begun.update(job.by_id.keys())
            if idle is None:
                idle = Member(self._size.cores)
                self._members.append(idle)
            idle.give(job)

    def stop(self) -> None:
        """Let all end."""
        self._stopping = True
        for member in self._members:
            member.stop()

    def end(self) -> None:
        """End all processes at once."""
        for member in self._members:
            member.end()

    def listen(self) -> None:
        """Take what there is to hear."""
        for member in listen(self._members, _POLL_SECONDS):
            for message, content in member.heard():
                self._take(member, message, content)

    def _take(self, member: Member, message: Message, content: Any) -> None:
        if message is Message.RUN:
            member.saved.add(self._results.save(content))
        elif message is Message.PROGRESS:
            parts = [each.job.part.job for each in self._members if each.job is not None]
            if content.part.job == min(parts):
                self._watch.on_progress(content)
        elif message is Message.NOTE:
            if content not in self._noted:
                self._noted.add(content)
                self._watch.on_note(content)
        elif message is Message.TROUBLE:
            self._watch.on_trouble(content)
        elif message is Message.ERROR:
            raise content
        elif message is Message.GONE:
            self._members.remove(member)
            if member.job is not None and not self._stopping:
                self._lose(member.job, member.saved, content)

    def _lose(self, job: Job[Any], saved: Collection[str], how: str) -> None:
        """Have those runs made again that went with a process, unless that was the second time."""
        left = [key for key in job.by_id if key not in saved]
        if not left:
            return
        part = job.part
        what = f"the process of job {part.job + 1} of {part.jobs} {how}"
        runs = "1 run" if len(left) == 1 else f"{len(left)} runs"
        if max(self._begun[key] for key in left) < ATTEMPTS:
            self._watch.on_trouble(f"{what}: {runs} of it begin again")
            self._again.append(job.only(left))
        else:
            self._watch.on_trouble(f"{what}, again, perhaps for want of memory: {runs} of it are given up")
            self.lost.update(left)
