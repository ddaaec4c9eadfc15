"""The processes of a sweep, as the one that leads them sees them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from multiprocessing import Pipe
from multiprocessing.connection import wait
from typing import Any

from nccli.sweep.job import Job

_START = """
import sys
sys.path[:] = {path!r}
from nccli.sweep.executors.worker import main
main({number})
"""
"""Unlike -m, it puts no current folder in front of the modules of Python."""

_STOPPED = (signal.SIGINT, signal.SIGTERM)


class Message(StrEnum):
    """What a process of the crew says, each with something."""

    READY = "ready"
    RUN = "run"
    PROGRESS = "progress"
    TROUBLE = "trouble"
    NOTE = "note"
    ERROR = "error"
    GONE = "gone"


class Member:
    """One process, and what it has in hand.

    Attributes:
        job: that it carries out, or will as soon as it can; None for none.
        saved: runs of it that it handed over.
    """

    def __init__(self, threads: int) -> None:
        """Start it, with so many cores to use. It ends when this process does, however that ends."""
        self.job: Job[Any] | None = None
        self.saved: set[str] = set()
        self.is_ready = self._sent = self._shows = self._told = False
        self.pipe, theirs = Pipe()
        number = theirs.fileno()
        code = _START.format(path=sys.path, number=number)
        with _blocked_signals():
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=2,  # results come through the pipe; what a factory of the user's own prints is no data
                env={**os.environ, "OMP_NUM_THREADS": str(threads)},
                pass_fds=[number],
            )
        theirs.close()

    def give(self, job: Job[Any]) -> None:
        """Have a job carried out, as soon as the process can listen."""
        self.job, self.saved, self._sent, self._shows = job, set(), False, False
        if self.is_ready:
            self._begin()

    def heard(self) -> Iterator[tuple[Message, Any]]:
        """What it says, as far as that is there; when it is gone, that is said last."""
        try:
            while self.pipe.poll():
                message, content = self.pipe.recv()
                if message is Message.READY:
                    self.is_ready = True
                    if self.job is not None and not self._sent:
                        self._begin()
                        continue
                    self.job = None
                self._shows |= message in (Message.RUN, Message.PROGRESS)
                yield message, content
        except (EOFError, ConnectionError):
            yield Message.GONE, self.end()

    def stop(self) -> None:
        """Let runs in hand end as interrupted; a process that has nothing to show yet is ended."""
        if not self._shows or self.job is None:
            self.end()
        elif not self._told:
            self._told = True
            with suppress(ConnectionError):
                self.pipe.send(None)

    def end(self) -> str:
        """End it at once, if it still runs, and tell how it ended."""
        self._process.kill()
        code = self._process.wait()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def _begin(self) -> None:
        assert self.job is not None
        self._sent, self.is_ready = True, False
        with suppress(ConnectionError):  # it is gone, and says so when it is listened to
            self.pipe.send(self.job.as_dict())


def listen(crew: list[Member], seconds: float) -> list[Member]:
    """Those of whom there is something to hear, after so many seconds at most."""
    heard = wait([member.pipe for member in crew], seconds)
    return [member for member in crew if member.pipe in heard]


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """What a terminal sends to all its processes reaches one that is started here when it is able to ignore it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_signals() -> None:
    """In a process of a crew: the one that leads is told to stop, and tells the others."""
    for each in _STOPPED:
        signal.signal(each, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPED)
