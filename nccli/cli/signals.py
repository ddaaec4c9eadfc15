"""Ctrl-C and SIGTERM while work is in hand: finish the step, store what is there, then go."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from nccli.errors import InterruptedRunError, TerminatedRunError


class StopRequest:
    """Whether somebody asked to stop, and how."""

    def __init__(self) -> None:
        """Nobody did so far."""
        self.signum: int | None = None

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.signum is not None

    def error(self, message: str) -> InterruptedRunError:
        """The error to end with, whose exit code tells the signal."""
        return (TerminatedRunError if self.signum == signal.SIGTERM else InterruptedRunError)(message)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn the first SIGINT or SIGTERM into a request; a second one acts at once.

    Signals go to the main thread of a process: in another one nothing is asked.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    watched = (signal.SIGINT, signal.SIGTERM)
    before = {signum: signal.getsignal(signum) for signum in watched}

    def ask(signum: int, frame: FrameType | None) -> None:
        request.signum = signum
        for each, handler in before.items():
            signal.signal(each, handler)

    for signum in watched:
        signal.signal(signum, ask)
    try:
        yield request
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
