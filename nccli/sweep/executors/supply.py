"""Jobs for an executor that has other things to do while the next one is claimed, or waited for."""

from collections.abc import Iterable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from nccli.sweep.job import Job


class Supply:
    """Takes jobs in a thread of its own, each when it is asked for.

    Attributes:
        ended: whether there are no more.
    """

    def __init__(self, jobs: Iterable[Job[Any]]) -> None:
        """Nothing is taken yet."""
        self.ended = False
        self._jobs, self._asked = iter(jobs), False
        self._wishes: SimpleQueue[None] = SimpleQueue()
        self._taken: SimpleQueue[Job[Any] | BaseException | None] = SimpleQueue()
        Thread(target=self._take, name="nccli claims", daemon=True).start()

    def ask(self) -> Job[Any] | None:
        """The next job, if it is there by now; else it will be, some time later, unless there are no more.

        Raises:
            NccliError: what taking it raised.
        """
        if self.ended:
            return None
        if not self._asked:
            self._asked = True
            self._wishes.put(None)
        try:
            found = self._taken.get(timeout=0.01)
        except Empty:
            return None
        self._asked = False
        self.ended = not isinstance(found, Job)
        if isinstance(found, BaseException):
            raise found
        return found

    def _take(self) -> None:
        try:
            while True:
                self._wishes.get()
                self._taken.put(next(self._jobs))
        except StopIteration:
            self._taken.put(None)
        except BaseException as error:  # raised in the thread that asks
            self._taken.put(error)
