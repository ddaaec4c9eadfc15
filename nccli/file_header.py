"""The first bytes of a database, read beside SQLite without harm.

POSIX takes all locks of a process from a file as soon as the process closes any of its handles of it
(sqlite.org/howtocorrupt.html, 2.2), those that SQLite holds for a transaction included. So handles are kept open.
"""

import os
import stat
from collections import OrderedDict
from pathlib import Path
from threading import Lock

_LENGTH = 100
"""Bytes (sqlite.org/fileformat.html)."""

_MOST = 64
"""Handles that are kept, a taste: far below what a process may have, and the one that was used longest ago, which is
closed for another, is of a store that nothing is done with any more."""

_handles: OrderedDict[tuple[int, int], int] = OrderedDict()
_one_at_a_time = Lock()


def header(path: Path) -> bytes:
    """The first 100 bytes of a file as they are now; fewer where it is shorter, none of a pipe or a device.

    Raises:
        OSError: it cannot be read.
    """
    with _one_at_a_time:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return b""
        key = (found.st_dev, found.st_ino)
        if key not in _handles:
            _handles[key] = os.open(path, os.O_RDONLY)
        _handles.move_to_end(key)
        if len(_handles) > _MOST:
            os.close(_handles.popitem(last=False)[1])
        return os.pread(_handles[key], _LENGTH, 0)
