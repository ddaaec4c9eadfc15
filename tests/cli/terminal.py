"""A pseudo-terminal: what a command shows to a person."""

import codecs
import fcntl
import os
import re
import select
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _utf8() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")("replace")


@dataclass
class Terminal:
    """One end to give to a process as stdin, stdout or stderr, and what came out at the other.

    Attributes:
        end: file descriptor for the process.
        shown: all that was shown so far, escape codes included.
    """

    end: int
    _screen: int
    shown: str = ""
    _decoder: codecs.IncrementalDecoder = field(default_factory=_utf8)

    @property
    def lines(self) -> list[str]:
        """Lines shown, without escape codes."""
        return _CODES.sub("", self.shown).replace("\r", "").splitlines()

    def wait_for(self, pattern: str, seconds: float = 60) -> None:
        """Read until something is shown."""
        until = time.monotonic() + seconds
        while re.search(pattern, self.shown) is None:
            ready, _, _ = select.select([self._screen], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"{pattern!r} was not shown within {seconds} s: {self.shown!r}"
            self.shown += self._decoder.decode(os.read(self._screen, 65536))

    def drain(self) -> str:
        """Read what is left, once the process has ended."""
        while select.select([self._screen], [], [], 0.1)[0]:
            self.shown += self._decoder.decode(os.read(self._screen, 65536))
        return self.shown


@contextmanager
def terminal(columns: int = 100) -> Iterator[Terminal]:
    """A terminal of so many columns."""
    screen, end = os.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    try:
        yield Terminal(end, screen)
    finally:
        os.close(end)
        os.close(screen)
