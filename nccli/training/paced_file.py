"""A file that is written now and then, seldom enough not to be felt: the state of a training."""

import math
import os
import time
from collections.abc import Callable
from glob import escape
from pathlib import Path
from typing import BinaryIO

from nccli.atomic import atomic_write
from nccli.errors import InputError

_SECONDS = 60.0
"""A taste: what a killed training loses at most, beside the time of a start."""

_SECONDS_VARIABLE = "NCCLI_CHECKPOINT_SECONDS"
_COST = 0.01
"""A taste: the share of the time that writing may take."""


_TELL_SECONDS = 60.0
"""A taste."""


class Complaints:
    """Tells of what may go wrong again and again: once, and then once a minute."""

    def __init__(self) -> None:
        """Nothing has gone wrong."""
        self._told = -math.inf

    def tell(self, on_trouble: Callable[[str], None], text: str) -> None:
        """Hand the text on, unless something was told within the last minute."""
        if time.monotonic() - self._told >= _TELL_SECONDS:
            self._told = time.monotonic()
            on_trouble(text)


class PacedFile:
    """A file that is written now and then, seldom enough not to be felt."""

    def __init__(self, path: Path, complaints: Complaints | None = None) -> None:
        """The file; it need not exist.

        Args:
            path: of the file.
            complaints: shared by files that fail for one reason.
        """
        self.path, self._complaints = path, complaints or Complaints()
        self._last = time.monotonic()
        self._least = self._wait = _least_seconds()

    @property
    def due(self) -> bool:
        """Whether it is time: once a minute at most, and so that writing takes at most 1 % of the time.

        NCCLI_CHECKPOINT_SECONDS sets another interval.
        """
        return time.monotonic() - self._last >= self._wait

    def replace(self, write: Callable[[BinaryIO], object], on_trouble: Callable[[str], None]) -> None:
        """Put what `write` writes in place of the file; if that fails, what was there stays, and it is due as usual.

        Args:
            write: writes the content; may raise OSError.
            on_trouble: called with a line if it fails, at most once a minute.
        """
        began = time.monotonic()
        try:
            with atomic_write(self.path) as file:
                write(file)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._complaints.tell(on_trouble, f"the checkpoint {self.path} cannot be written: {reason}")
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
