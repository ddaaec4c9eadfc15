"""Files that commands read, pipes with names among them."""

from pathlib import Path
from queue import Empty, SimpleQueue
from stat import S_ISFIFO
from threading import Thread
from typing import BinaryIO

_SECONDS = 5.0
"""A taste: who writes into a pipe has opened it before this, as the shell does for <(…)."""


def opened(path: Path) -> BinaryIO:
    """Open a file for reading; of a pipe somebody must open the other end.

    Raises:
        OSError: it cannot be opened, or nobody writes into the pipe.
    """
    if not S_ISFIFO(path.stat().st_mode):
        return path.open("rb")
    found: SimpleQueue[BinaryIO | OSError] = SimpleQueue()
    Thread(target=_open_into, args=(path, found), daemon=True).start()  # which may wait for ever
    try:
        stream = found.get(timeout=_SECONDS)
    except Empty as error:
        raise TimeoutError(0, "nobody writes into the pipe") from error
    if isinstance(stream, OSError):
        raise stream
    return stream


def _open_into(path: Path, found: "SimpleQueue[BinaryIO | OSError]") -> None:
    try:
        found.put(path.open("rb"))
    except OSError as error:
        found.put(error)
