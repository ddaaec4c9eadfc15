"""What runs in the cluster: one job of a sweep, from where an earlier task left it."""

import os
import platform
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from nccli import __version__
from nccli.errors import InputError, NccliError

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

    from nccli.store import FinishedRun
    from nccli.sweep.cluster.folder import Outcome, SweepFolder

_TELL_SECONDS = 5.0
"""A taste: how often a task says how many runs it has made."""

_USER_SIGNAL_SECONDS = 5.0
"""A taste: how long after SIGTERM the signal is awaited that asks for another turn, which some clusters send second."""

_MOST_REMARKS = 20


@dataclass
class SweepTask:
    """A callable for submitit: carries out a job of a sweep, and begins again where the cluster took its node.

    Attributes:
        folder: of the sweep.
        number: of the job.
        version: of the nccli that submitted it.
    """

    folder: str
    number: int
    version: str = field(default=__version__)

    def __call__(self) -> str:
        """Carry the job out and tell how it ended."""
        from submitit import JobEnvironment

        from nccli.sweep.cluster.folder import Outcome, SweepFolder

        folder = SweepFolder(Path(self.folder))
        told = _Told(folder, self.number, Outcome(JobEnvironment().job_id, "running", platform.node()))
        try:
            if self.version != __version__:
                raise InputError(
                    f"submitted by nccli {self.version}, and {platform.node()} has {__version__}: install the same"
                )
            with _stopping() as stop:
                self._carry_out(folder, told, stop)
                told.say(state="stopped" if stop.asked else "done")
                stop.pass_on()
        except NccliError as error:
            told.say(state="failed", error=str(error))
            return "failed"
        except Exception as error:
            told.say(state="failed", error=f"{type(error).__name__}: {error}")
            raise
        return told.outcome.state

    def checkpoint(self) -> "DelayedSubmission":
        """The same again: where to go on from lies on disk."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def _carry_out(self, folder: "SweepFolder", told: "_Told", stop: "_Stop") -> None:
        from nccli.store import Store, release_all
        from nccli.sweep.cluster.folder import location
        from nccli.sweep.execute import execute
        from nccli.sweep.plan import plan_runs
        from nccli.sweep.trainers import trainer_of
        from nccli.training.watch import Watch

        job = folder.job(self.number)
        store = Store.create(location(folder, self.number))
        if store.path is not None:
            release_all(store)
        force = folder.sweep.force and store.path is None
        plan: Any = plan_runs(job.configs, store, force, folder.sweep.tag)
        told.say(made=len(plan.stored))
        watch: Watch[Any] = Watch(should_stop=stop, on_trouble=told.remark)
        execute(plan, trainer_of(job), store, watch, states=job.states, on_run=told.count)


class _Told:
    """The account that a task gives of itself, on disk."""

    def __init__(self, folder: "SweepFolder", number: int, outcome: "Outcome") -> None:
        self._folder, self._number, self.outcome = folder, number, outcome
        self._last = 0.0
        self.say()

    def say(self, **changes: Any) -> None:
        self.outcome = replace(self.outcome, **changes)
        self._folder.tell(self._number, self.outcome)
        self._last = time.monotonic()

    def count(self, run: "FinishedRun") -> None:
        self.outcome = replace(self.outcome, made=self.outcome.made + 1)
        if time.monotonic() - self._last > _TELL_SECONDS:
            self.say()

    def remark(self, text: str) -> None:
        if text not in self.outcome.remarks and len(self.outcome.remarks) < _MOST_REMARKS:
            self.say(remarks=(*self.outcome.remarks, text))


class _Stop:
    """Whether the cluster asked the task to end, and how."""

    def __init__(self, handler: "Callable[[int, FrameType | None], Any] | None", signum: int) -> None:
        self.asked: set[int] = set()
        self._handler, self._signum = handler, signum

    def __call__(self) -> bool:
        return bool(self.asked)

    def pass_on(self) -> None:
        """Once all is stored: let submitit put the task back into the queue, if that was asked for."""
        if not self.asked:
            return
        until = time.monotonic() + _USER_SIGNAL_SECONDS
        while self._signum not in self.asked and time.monotonic() < until:
            time.sleep(0.1)
        if self._signum in self.asked and self._handler is not None:
            self._handler(self._signum, None)
        raise SystemExit(128 + signal.SIGTERM)


@contextmanager
def _stopping() -> Iterator[_Stop]:
    """Turn what a cluster sends before it takes a node into a request, so that runs in hand are stored first."""
    user = signal.Signals[f"SIG{os.environ.get('SUBMITIT_PREEMPT_SIGNAL', 'USR2')}"]
    watched = (user, signal.SIGTERM)
    before = {each: signal.getsignal(each) for each in watched}
    handler = before[user]
    stop = _Stop(handler if callable(handler) else None, user)
    for each in watched:
        signal.signal(each, lambda signum, frame: stop.asked.add(signum))
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
