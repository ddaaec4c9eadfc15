"""Upgraded copies of older stores that are not to be written: made once a process, and gone with it."""

import atexit
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from nccli.errors import StoreError
from nccli.store.connection.backup import copy_file
from nccli.store_files import journals, real_path

_State = tuple[tuple[str, int, int, int], ...]

_COPIES: dict[_State, TemporaryDirectory[str]] = {}


def older_copy(path: Path, upgrade: Callable[[Path], None]) -> Path:
    """The copy of a store as it is now, in the system's folder for temporary files.

    Args:
        path: of the store.
        upgrade: brings the copy to the newest schema.

    Raises:
        StoreError: it cannot be made.
    """
    state = _state(path)
    if state not in _COPIES:
        try:
            folder = TemporaryDirectory(prefix="nccli-older-", ignore_cleanup_errors=True)
        except OSError as error:
            raise StoreError(f"{path} has an older schema and no copy of it can be made: {error.strerror}") from error
        try:
            copy_file(path, _within(folder))
            upgrade(_within(folder))
        except BaseException:
            folder.cleanup()
            raise
        atexit.register(folder.cleanup)
        _COPIES[state] = folder
    return _within(_COPIES[state])


def _within(folder: TemporaryDirectory[str]) -> Path:
    return Path(folder.name) / "copy.db"


def _state(path: Path) -> _State:
    """Which file it is, and when it and its journals were last written."""
    found = ((each, each.stat()) for each in (real_path(path), *journals(path)))
    return tuple((str(each), stat.st_ino, stat.st_size, stat.st_mtime_ns) for each, stat in found)
