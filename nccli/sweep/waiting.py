"""Waiting for runs that other processes are making."""

import time
from collections.abc import Callable, Mapping

_POLL_SECONDS = 0.1
"""A taste: Ctrl-C is felt to act at once."""

_LOOK_SECONDS = 1.0
"""A taste: a look at the store takes a millisecond or so, and a hundred processes may wait."""

_SAY_SECONDS = 60.0
"""A taste."""


class Waiting:
    """Gives other processes time, and says so now and then."""

    def __init__(self, should_stop: Callable[[], bool], on_wait: Callable[[str], None]) -> None:
        """Nothing is waited for yet.

        Args:
            should_stop: ends a wait at once.
            on_wait: called with a line that says what is waited for.
        """
        self._should_stop, self._on_wait = should_stop, on_wait
        self._say_at = time.monotonic()

    def wait(self, busy: Mapping[str, str]) -> None:
        """Let a moment pass; `busy` says of each run who makes it, as `nccli.store.Taken` does."""
        if time.monotonic() >= self._say_at:
            makers = list(dict.fromkeys(busy.values()))
            shown = "; ".join(makers[:2]) + ("; …" if len(makers) > 2 else "")
            self._on_wait(f"{len(busy)} runs are being made elsewhere ({shown}): waiting for them")
            self._say_at = time.monotonic() + _SAY_SECONDS
        until = time.monotonic() + _LOOK_SECONDS
        while time.monotonic() < until and not self._should_stop():
            time.sleep(_POLL_SECONDS)
