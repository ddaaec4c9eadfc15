"""A file that is written now and then, seldom enough not to be felt: the state of a training."""

import os
import time
from glob import escape
from pathlib import Path

from nccli.errors import InputError

_SECONDS = 60.0
"""A taste: what a killed training loses at most, beside the time of a start."""

_SECONDS_VARIABLE = "NCCLI_CHECKPOINT_SECONDS"
_COST = 0.01
"""A taste: the share of the time that writing may take."""


class PacedFile:
    """A file that is written now and then, seldom enough not to be felt."""

    def __init__(self, path: Path) -> None:
        """The file; it need not exist."""
        self.path = path
        self._last = time.monotonic()
        self._least = self._wait = _least_seconds()

    @property
    def due(self) -> bool:
        """Whether it is time: once a minute at most, and so that writing takes at most 1 % of the time.

        NCCLI_CHECKPOINT_SECONDS sets another interval.
        """
        return time.monotonic() - self._last >= self._wait

    def written(self, began: float) -> None:
        """Say that it was written, and since when (time.monotonic) it took."""
        self._last = time.monotonic()
        self._wait = max(self._least, (self._last - began) / _COST)

    def remove(self) -> None:
        """Once nothing will go on from it; with what a killed process left of its writing."""
        self.path.unlink(missing_ok=True)
        for left in self.path.parent.glob(f".{escape(self.path.name)}.*"):
            left.unlink(missing_ok=True)


def _least_seconds() -> float:
    text = os.environ.get(_SECONDS_VARIABLE)
    try:
        seconds = _SECONDS if text is None else float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise InputError(f"{_SECONDS_VARIABLE} = {text}: must be a number of seconds")
    return seconds
