"""Where a command may write for a person: decided here, before any work is done and again before a file is replaced."""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, BinaryIO, Self

from nccli.errors import InputError
from nccli.printable import has_controls, printable
from nccli.store_files import Role, is_stream, real_path, role_of, same_file

STDOUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
"""Names of stdout."""


@dataclass(frozen=True)
class Output:
    """A file, or a folder of files, that a command was asked to write.

    Attributes:
        option: what named it, for messages, such as "-o".
        path: as it was named.
        store: file of the store in use, there or not; None where it is on a server.
        suffixes: that the name may have; any, if there are none.
        inputs: files and folders that the command reads.
        replaces: what of a store it may replace.
    """

    option: str
    path: Path
    store: Path | None
    suffixes: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = ()
    replaces: frozenset[Role] = frozenset()

    def __str__(self) -> str:
        """As messages name it."""
        return f"{self.option} '{printable(str(self.path))}'".lstrip()

    @property
    def is_stream(self) -> bool:
        """Whether it is a pipe, a terminal or another device, in which nothing is replaced."""
        return is_stream(self.path)

    def require(self) -> None:
        """Check that the file may be written.

        Raises:
            InputError: another suffix, a store or what belongs to one, an input, a folder, or no folder to write in.
        """
        if self.suffixes and self.path.suffix not in self.suffixes:
            raise InputError(f"{self}: the suffix must be {' or '.join(self.suffixes)}")
        self.permit(self.path)

    def require_folder(self, names: Iterable[str]) -> list["Output"]:
        """Check that a folder may be made, and files of these names written in it; returns the files.

        Raises:
            InputError: as `require`, of the folder and of each file.
        """
        self.permit(self.path, folder=True)
        files = [replace(self, path=self.path / name) for name in names]
        if self.path.is_dir():
            require_outputs(files)
        return files

    def make_folder(self, names: Iterable[str]) -> list["Output"]:
        """As `require_folder`; the folder is made where it is missing."""
        files = self.require_folder(names)
        try:
            real_path(self.path).mkdir(exist_ok=True)
        except OSError as error:
            raise self._cannot(error.strerror) from error
        return files

    def permit(self, path: Path, folder: bool = False) -> None:
        """Refuse a place that this output must not be written to: its path, or where that leads.

        Raises:
            InputError: as `require`.
        """
        if has_controls(path.name):
            raise InputError(f"{self}: the name of a file that is written may have no control character")
        try:
            role = role_of(path, self.store)
            if role is not None and role not in self.replaces:
                raise InputError(f"{self} is {role}: name another file")
            if any(_is_input(path, read) for read in self.inputs):
                raise InputError(f"{self} is what the command reads: name another file")
            self._require_writable(path, folder)
        except InputError:
            raise
        except (OSError, ValueError) as error:
            raise self._cannot(getattr(error, "strerror", None) or error) from error

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the file for writing: it is replaced at the end, or stays as it was.

        Raises:
            InputError: it may not be written now, or it cannot.
            BrokenPipeError: it is a pipe that nobody reads.
        """
        from nccli.atomic import atomic_write

        try:
            with atomic_write(self.path, self.permit) as file:
                yield file
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._cannot(error.strerror) from error

    def write(self, content: bytes) -> None:
        """Write the file whole.

        Raises:
            InputError, BrokenPipeError: as `open`.
        """
        with self.open() as file:
            file.write(content)

    def as_dict(self) -> dict[str, Any]:
        """All of it that writing needs, JSON-ready; paths are absolute."""
        store = None if self.store is None else str(self.store.absolute())
        inputs = [str(path.absolute()) for path in self.inputs]
        return {"option": self.option, "path": str(self.path.absolute()), "store": store, "inputs": inputs}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of `as_dict`."""
        store = None if fields["store"] is None else Path(fields["store"])
        return cls(fields["option"], Path(fields["path"]), store, inputs=tuple(map(Path, fields["inputs"])))

    def _require_writable(self, path: Path, folder: bool) -> None:
        mode = _mode(path)
        if mode is not None and not (S_ISREG(mode) or S_ISDIR(mode)) and not folder:
            place, needed = path, os.W_OK
        elif mode is not None and S_ISDIR(mode) != folder:
            raise self._cannot(os.strerror(errno.EEXIST if folder else errno.EISDIR))
        else:
            place, needed = real_path(path) if mode and folder else real_path(path).parent, os.W_OK | os.X_OK
            if not place.is_dir():
                raise self._cannot(f"{os.strerror(errno.ENOTDIR if place.exists() else errno.ENOENT)}: {place}")
        if not os.access(place, needed):
            raise self._cannot(os.strerror(errno.EACCES))

    def _cannot(self, reason: object) -> InputError:
        return InputError(f"{self}: cannot be written: {reason}")


def require_outputs(outputs: Iterable[Output | None]) -> None:
    """Check that all outputs of a command may be written, each to a file of its own.

    Raises:
        InputError: as `Output.require`, or two are one file.
    """
    wanted = [output for output in outputs if output is not None]
    for output in wanted:
        output.require()
    for one, other in combinations(wanted, 2):
        if same_file(one.path, other.path) and not one.is_stream:
            raise InputError(f"{one} and {other} are one file: name two")


def _is_input(path: Path, read: Path) -> bool:
    """Whether a name leads to what a command reads: to the file, or by a link into the folder."""
    return same_file(path, read) or (path.is_symlink() and real_path(path).is_relative_to(real_path(read)))


def _mode(path: Path) -> int | None:
    """Type of the file that is there; None if there is none."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
