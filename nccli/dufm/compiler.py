"""C programs built by the machine's own compiler, and kept for next time where that is ours alone."""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from nccli.dufm.bounded_process import output_within
from nccli.dufm.library_folder import LibraryFolder, read_ours
from nccli.dufm.remarks import is_remarked, remark, told_once
from nccli.errors import InputError

_FLAGS = ("-O3", "-march=native", "-std=gnu11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math")

_SECONDS = 3.0
"""A bound: what takes 0.4 to 1.4 s (measured, on two cores that others used too) has so long. With the start of a
command it is 5 s until a compiler that does not end is told."""

_SECONDS_VARIABLE = "NCCLI_COMPILER_SECONDS"

_NOT_COMPILED = "PyTorch takes the steps, a few times slower than compiled code"
NOT_KEPT = "compiled code is not kept for the next command"


class _Compiler:
    """A C compiler; one that does not end in time is not asked again.

    Attributes:
        command, name: as given, and its first word.
        version: what it says of itself.
    """

    def __init__(self, command: list[str]) -> None:
        """Ask for the version.

        Raises:
            OSError: it cannot be run, does not end, or fails.
            InputError: NCCLI_COMPILER_SECONDS is no number.
        """
        self.command, self.name, self._seconds = command, command[0], _patience()
        self._left = self._seconds
        code, said = self._run([*command, "--version"])
        if code != 0:
            raise OSError(f"{self.name} --version ended with {code}")
        self.version = said.partition("\n")[0]

    @property
    def ends(self) -> bool:
        """Whether it has ended in time so far."""
        return self._left > 0

    def library(self, sources: Mapping[str, str], defines: Sequence[str]) -> bytes:
        """Compile to a library that can be loaded without dying of it, and return its content.

        Raises:
            OSError: it makes none, or not in time.
        """
        with tempfile.TemporaryDirectory(prefix="nccli-") as folder:
            built = Path(folder) / "kernel.so"
            for name, source in sources.items():
                Path(folder, name).write_text(source)
            programs = [str(Path(folder, name)) for name in sources if name.endswith(".c")]
            options = [*_FLAGS, *defines, "-shared", "-fPIC", *programs, "-o", str(built), "-lm"]
            code, said = self._run([*self.command, *options])
            if code != 0:
                line = "".join(filter(str.isprintable, said.strip().partition("\n")[0]))[:200]
                raise OSError(f"{self.name} ended with {code}: {line}")
            try:
                content = read_ours(built)
            except OSError as error:
                raise OSError(f"{self.name} ended with 0, but left no library") from error
            code, _ = self._run([sys.executable, "-ISc", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", str(built)])
            if code < 0:  # a signal; that it may not be loaded from here, where nothing may be executed, is no matter
                raise OSError(f"{self.name} left a library that crashes")
        self._left = self._seconds
        return content

    def _run(self, command: Sequence[str]) -> tuple[int, str]:
        """Run it, or what it made; all that is run until there is a library has the same seconds."""
        began = time.monotonic()
        try:
            found = output_within(self._left, command)
        except TimeoutError:
            self._left = 0.0
            raise TimeoutError(
                f"{self.name} had not ended after {self._seconds:g} s; {_SECONDS_VARIABLE} gives it longer"
            ) from None
        self._left -= time.monotonic() - began
        return found


def has_compiler() -> bool:
    """Whether there is a C compiler."""
    compiler = _compiler()
    return compiler is not None and compiler.ends


def is_compiled(sources: Mapping[str, str], defines: Sequence[str]) -> bool:
    """Whether `compiled_library` has nothing to compile."""
    compiler = _compiler()
    if compiler is None:
        return False
    try:
        return kept_folder().has(_key(compiler, sources, defines))
    except OSError:
        return False


def compiled_library(
    sources: Mapping[str, str], defines: Sequence[str], is_sound: Callable[[ctypes.CDLL], bool]
) -> ctypes.CDLL | None:
    """Compile sources and headers, or load what was compiled; None where that is not possible.

    Args:
        sources: content by file name.
        defines: options of the preprocessor.
        is_sound: whether a library does what the sources say; one that does not is compiled again, once.
    """
    compiler = _compiler()
    if compiler is None:
        return None
    key = _key(compiler, sources, defines)
    try:
        folder = kept_folder()
        found = folder.load(key, is_sound)
        if found is None:
            built = compiler.library(sources, defines)
            found = _kept(folder, key, built, is_sound) or _kept(own_folder(), key, built, is_sound)
        if found is None:
            raise OSError(f"{compiler.name} left a library that cannot be loaded or does not what it should")
    except OSError as error:
        remark(_NOT_COMPILED, str(error))
        return None
    return found


def take_remarks() -> list[str]:
    """What is new of why steps are not compiled or, where they are, not kept; the first of each in this process."""
    return told_once(_NOT_COMPILED if is_remarked(_NOT_COMPILED) else NOT_KEPT)


@lru_cache(maxsize=1)
def vector_bytes() -> int:
    """Length of the machine's vectors: 64 with AVX-512, 32 with AVX2, else 16."""
    features = _processor().split()
    return 64 if "avx512f" in features and "avx512vl" in features else 32 if "avx2" in features else 16


def _key(compiler: _Compiler, sources: Mapping[str, str], defines: Sequence[str]) -> str:
    """Of all that a library is made of and for."""
    parts = (*sources.values(), *compiler.command, *_FLAGS, *defines, compiler.version, _processor())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _kept(
    folder: LibraryFolder, key: str, content: bytes, is_sound: Callable[[ctypes.CDLL], bool]
) -> ctypes.CDLL | None:
    """Put a library into a folder and load it from there; None where that is not possible."""
    try:
        folder.keep(key, content)
    except OSError as error:
        remark(NOT_KEPT, str(error))
        return None
    return folder.load(key, is_sound)


@lru_cache(maxsize=1)
def _compiler() -> _Compiler | None:
    """None without one. CC names another, CC= (empty) none."""
    named = os.environ.get("CC")
    why = ""
    for candidate in ["gcc", "cc"] if named is None else [named]:
        try:
            command = shlex.split(candidate)
        except ValueError as error:
            why = f"CC={candidate!r} is no command: {error}"
            continue
        if command and shutil.which(command[0]):
            try:
                return _Compiler(command)
            except OSError as error:
                why = str(error)
    if why:
        remark(_NOT_COMPILED, why)
    return None


@lru_cache(maxsize=1)
def _processor() -> str:
    """What the processor can do: a library for another one must not be loaded."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("vendor_id", "cpu family", "model\t", "flags", "Features", "CPU part")
    return " ".join(dict.fromkeys(line for line in lines if line.startswith(wanted)))


def _patience() -> float:
    text = os.environ.get(_SECONDS_VARIABLE)
    try:
        seconds = _SECONDS if text is None else float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise InputError(f"{_SECONDS_VARIABLE} = {text}: must be a number of seconds")
    return seconds


@lru_cache(maxsize=1)
def _cache() -> LibraryFolder | None:
    """Where machine code is kept: below NCCLI_CACHE or the user's cache folder."""
    named = os.environ.get("NCCLI_CACHE") or os.environ.get("XDG_CACHE_HOME")
    try:
        path = (Path(named) if named else Path.home() / ".cache") / "nccli"
    except RuntimeError as error:
        remark(NOT_KEPT, f"{error}; NCCLI_CACHE names a folder")
        return None
    try:
        return LibraryFolder(path)
    except OSError as error:
        remark(NOT_KEPT, f"{path}: {error.strerror or error}; NCCLI_CACHE names another folder")
        return None


def kept_folder() -> LibraryFolder:
    """Where machine code is kept for the next command; where that cannot be, the folder of this process.

    Raises:
        OSError: there is no place for that either.
    """
    return _cache() or own_folder()


@lru_cache(maxsize=1)
def own_folder() -> LibraryFolder:
    """Where machine code of this process alone is."""
    return LibraryFolder.private()
