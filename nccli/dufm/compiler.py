"""C programs built by the machine's own compiler, and kept for next time."""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

_FLAGS = ("-O3", "-march=native", "-std=gnu11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math")
_BUILD_SECONDS = 120
"""A taste: a hundred times what it takes; a compiler that hangs is none."""


def has_compiler() -> bool:
    """Whether there is a C compiler."""
    return _compiler() is not None


def is_compiled(sources: Mapping[str, str], defines: Sequence[str]) -> bool:
    """Whether `compiled_library` has nothing to compile."""
    compiler = _compiler()
    return compiler is not None and _place(compiler, sources, defines)[1].exists()


def compiled_library(sources: Mapping[str, str], defines: Sequence[str]) -> ctypes.CDLL | None:
    """Compile sources and headers, by file name, or load what was compiled; None where that is not possible."""
    compiler = _compiler()
    if compiler is None:
        return None
    command, library = _place(compiler, sources, defines)
    return _loaded(library) or (_loaded(library) if _compile(command, sources, library) else None)


@lru_cache(maxsize=1)
def vector_bytes() -> int:
    """Length of the machine's vectors: 64 with AVX-512, 32 with AVX2, else 16."""
    features = _processor().split()
    return 64 if "avx512f" in features and "avx512vl" in features else 32 if "avx2" in features else 16


def _place(
    compiler: tuple[list[str], str], sources: Mapping[str, str], defines: Sequence[str]
) -> tuple[list[str], Path]:
    """The command that compiles, and the library that it makes."""
    command = [*compiler[0], *_FLAGS, *defines]
    key = hashlib.sha256("\0".join((*sources.values(), *command, compiler[1], _processor())).encode()).hexdigest()[:24]
    return command, _cache() / f"{key}.so"


def _loaded(path: Path) -> ctypes.CDLL | None:
    """A library; None if there is none, it is broken, or its file system forbids execution."""
    try:
        return ctypes.CDLL(str(path)) if path.exists() else None
    except OSError:
        return None


def _compile(command: Sequence[str], sources: Mapping[str, str], library: Path) -> bool:
    """Build beside the final place and move there, so that another process never loads half a file."""
    try:
        library.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            built = Path(folder) / "kernel.so"
            for name, source in sources.items():
                Path(folder, name).write_text(source)
            arguments = [
                *command,
                "-shared",
                "-fPIC",
                *(str(Path(folder, name)) for name in sources if name.endswith(".c")),
                "-o",
                str(built),
                "-lm",
            ]
            done = subprocess.run(arguments, capture_output=True, check=False, timeout=_BUILD_SECONDS)
            if done.returncode != 0:
                return False
            built.replace(library)
        return True
    except (OSError, subprocess.SubprocessError):
        return False


@lru_cache(maxsize=1)
def _compiler() -> tuple[list[str], str] | None:
    """The C compiler as a command, and its version; None without one. CC names another, CC= (empty) none."""
    named = os.environ.get("CC")
    candidates = ["gcc", "cc"] if named is None else [named]
    for candidate in candidates:
        command = shlex.split(candidate)
        if command and shutil.which(command[0]):
            try:
                done = subprocess.run([*command, "--version"], capture_output=True, check=False, timeout=30)
            except (OSError, subprocess.SubprocessError):
                continue
            if done.returncode == 0:
                return command, done.stdout.decode(errors="replace").partition("\n")[0]
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


@lru_cache(maxsize=1)
def _cache() -> Path:
    """Folder of compiled kernels: below NCCLI_CACHE or the user's cache folder, else one for this process alone."""
    named = os.environ.get("NCCLI_CACHE") or os.environ.get("XDG_CACHE_HOME")
    try:
        folder = (Path(named) if named else Path.home() / ".cache") / "nccli"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        usable = os.access(folder, os.W_OK | os.X_OK)
    except (OSError, RuntimeError):
        usable = False
    return folder if usable else Path(_own_folder().name)


@lru_cache(maxsize=1)
def _own_folder() -> "tempfile.TemporaryDirectory[str]":
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="nccli-")
