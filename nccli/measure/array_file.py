"""Arrays from files that somebody else made: never executed, and measured before they are read."""

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nccli.errors import InputError
from nccli.training.memory import require_memory


def read_npz(path: Path, wanted: Mapping[str, bool] | None = None) -> dict[str, NDArray[Any]]:
    """Arrays of an .npz file.

    Args:
        path: the file.
        wanted: names, each with whether it must be there; None for all that there are.

    Raises:
        InputError: the file is missing, truncated, no .npz file, or lacks an array; an array holds Python objects, is
            larger than its part of the file, or than the memory that is free.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
            missing = [name for name, needed in (wanted or {}).items() if needed and name not in members]
            if missing:
                raise InputError(f"{path}: no array {missing[0]}; it has {', '.join(members) or 'none'}")
            chosen = [name for name in members if wanted is None or name in wanted]
            unpacked = sum(archive.getinfo(members[name]).file_size for name in chosen)
            require_memory(f"{path.name}, unpacked,", unpacked, "a smaller file")
            return {name: _array(path, archive, members[name]) for name in chosen}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path}: cannot be read as .npz, it may be truncated ({reason})") from error
    except Exception as error:  # zlib.error and its like derive from Exception alone
        raise InputError(f"{path}: damaged ({error})") from error


def npz_shape(path: Path, name: str) -> tuple[tuple[int, ...], np.dtype[Any]] | None:
    """Shape and type of an array of an .npz file, of which only the header is read; None where that cannot be."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            shape, _, dtype = _header(file)
    except Exception:  # whatever is wrong with the file is said when it is read
        return None
    return shape, dtype


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


def _array(path: Path, archive: zipfile.ZipFile, member: str) -> NDArray[Any]:
    with archive.open(member) as file:
        shape, fortran, dtype = _header(file)
        if dtype.hasobject:
            raise InputError(f"{path}: {member} holds Python objects, which are not read from files")
        size = math.prod(shape) * dtype.itemsize
        if size > archive.getinfo(member).file_size:
            raise InputError(f"{path}: {member} is truncated: its header asks for {size} bytes")
        data = file.read(size)
    if len(data) != size:
        raise InputError(f"{path}: {member} is truncated: {len(data)} bytes where its header says {size}")
    array = np.frombuffer(data, dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def read_npy(path: Path) -> NDArray[Any]:
    """The array of an .npy file.

    Raises:
        InputError: the file is missing, truncated, no .npy file, holds Python objects, or more than the memory.
    """
    try:
        with path.open("rb") as file:
            shape, fortran, dtype = _header(file)
            if dtype.hasobject:
                raise InputError(f"{path} holds Python objects, which are not read from files")
            count = math.prod(shape)
            there = path.stat().st_size - file.tell()
            if count * dtype.itemsize > there:
                raise InputError(f"{path} is truncated: its header asks for {count * dtype.itemsize} bytes")
            require_memory(path.name, count * dtype.itemsize, "a smaller file")
            array = np.fromfile(file, dtype, count)
    except InputError:
        raise
    except Exception as error:  # headers are parsed as Python, in which anything may be wrong
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path}: cannot be read as .npy ({' '.join(reason.split())[:160]})") from error
    return array.reshape(shape, order="F" if fortran else "C")
