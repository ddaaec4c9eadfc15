"""Files that are written completely or not at all."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nccli.store_files import is_database, is_stream, real_path


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
        OSError: the folder is missing, full or not writable.
    """
    permit(path)
    if is_stream(path):
        with path.open("wb") as device:
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
