"""Machine code kept in a folder that is ours alone, so that nothing is loaded that others could have put there."""

import ctypes
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_HASH_DIGITS = 32
_LIBRARY = ".so"


class LibraryFolder:
    """A folder of libraries, each under a key and a hash of its content.

    Folder and files belong to us and only we may write to them. The folder is held open, and everything in it is
    reached through that: whatever others do to its path, a file cannot change between the check and the loading.
    """

    def __init__(self, path: Path) -> None:
        """Open a folder, and make it where there is none.

        Raises:
            OSError: it cannot be had, or it is not ours alone.
        """
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, folder)
        _require_ours(os.fstat(folder))
        held = Path(f"/proc/self/fd/{folder}")
        self._path = held if held.exists() else path

    @classmethod
    def private(cls) -> "LibraryFolder":
        """A folder for this process alone, removed with the object or when the process ends.

        Raises:
            OSError: it cannot be had.
        """
        path = tempfile.mkdtemp(prefix="nccli-")
        found = cls(Path(path))
        weakref.finalize(found, shutil.rmtree, path, ignore_errors=True)
        return found

    def has(self, key: str) -> bool:
        """Whether there is a library of this key."""
        return bool(self._untouched(key))

    def load(self, key: str, is_sound: Callable[[ctypes.CDLL], bool]) -> ctypes.CDLL | None:
        """The library of this key; None if there is none that can be loaded and is sound."""
        for path in self._untouched(key):
            try:
                library = ctypes.CDLL(str(path))
            except OSError:  # as where a file system forbids execution
                continue
            if is_sound(library):
                return library
            with suppress(OSError):
                path.unlink()
        return None

    def content(self, key: str, ending: str) -> bytes | None:
        """What was kept under this key, where it is as it was kept."""
        for path in self._untouched(key, ending):
            with suppress(OSError):
                return read_ours(path)
        return None

    def keep(self, key: str, content: bytes, ending: str = _LIBRARY) -> None:
        """Put a library, or what has another ending, there, completely or not at all.

        Raises:
            OSError: it cannot be written.
        """
        temporary = self._path / f".{secrets.token_hex(8)}"
        writing = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(temporary, writing, 0o600), "wb") as file:
                file.write(content)
            temporary.replace(self._path / _name(key, content, ending))
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _untouched(self, key: str, ending: str = _LIBRARY) -> list[Path]:
        """Files of a key that are ours and as they were kept."""
        try:
            return [path for path in sorted(self._path.glob(f"{key}-*{ending}")) if _is_untouched(path, key, ending)]
        except OSError:
            return []


def read_ours(path: Path) -> bytes:
    """Content of a regular file, not behind a link, that belongs to us and that others may not write to.

    Raises:
        OSError: it is something else, or cannot be read.
    """
    reading = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, reading), "rb") as file:
        found = os.fstat(file.fileno())
        _require_ours(found)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is no file")
        return file.read()


def _is_untouched(path: Path, key: str, ending: str) -> bool:
    try:
        return path.name == _name(key, read_ours(path), ending)
    except OSError:
        return False


def _name(key: str, content: bytes, ending: str) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]}{ending}"


def _require_ours(found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise PermissionError("it belongs to another user")
    if found.st_mode & _WRITABLE_BY_OTHERS:
        raise PermissionError("others may write to it")
