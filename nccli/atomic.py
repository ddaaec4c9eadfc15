"""Files that are written completely or not at all."""

import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISFIFO
from typing import BinaryIO

from nccli.store_files import is_database, is_stream, real_path

_SECONDS = 5.0
"""A taste: who reads a pipe has opened it before this, as the shell does for >(…)."""


def refuse_database(path: Path) -> None:
    """Refuse to write over an SQLite database, whatever its name.

    Raises:
        OSError: it is one, or a file is there that cannot be read.
    """
    if is_database(path):
        raise FileExistsError(errno.EEXIST, "it is an SQLite database", str(path))


@contextmanager
def atomic_write(path: Path, permit: Callable[[Path], None] = refuse_database) -> Iterator[BinaryIO]:
    """Open a file for writing beside `path` and move it there at the end; on an error `path` stays as it was.

    A symbolic link stays one: its target is replaced. What is no regular file, such as /dev/null, is written directly.

    Args:
        path: the file.
        permit: raises where it must not be written; asked before anything is, and again before the move.

    Raises:
        OSError: the folder is missing, full or not writable; or it is a pipe that nobody reads.
    """
    permit(path)
    if is_stream(path):
        with _stream(path) as device:
            yield device
        return
    target = real_path(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        permit(target)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _stream(path: Path) -> BinaryIO:
    """Open what is no regular file for writing; of a pipe somebody must open the other end.

    Raises:
        OSError: it cannot be opened, or nobody reads the pipe.
    """
    if not S_ISFIFO(path.stat().st_mode):
        return path.open("wb")
    began = time.monotonic()
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() - began > _SECONDS:
                raise TimeoutError(0, "nobody reads the pipe") from error
            time.sleep(0.05)
        else:
            os.set_blocking(descriptor, True)
            return os.fdopen(descriptor, "wb")
