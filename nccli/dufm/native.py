"""The step as compiled code: `kernel.c`, built for one shape by the machine's own C compiler and kept for next time.

A run's whole state stays in the core's cache for many steps, runs are spread over cores, and a run's numbers do not
depend on its neighbours, bit for bit. Where there is no compiler that can build it, `Engine.step` does the same work.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nccli.dufm.config import DufmConfig
from nccli.dufm.engine import Engine

_FLAGS = ("-O3", "-march=native", "-std=gnu11", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math")
_NARROW_COST = 1.12  # measured: a step in vectors of half the length takes so much longer at the same padding
_BUILD_SECONDS = 120


@dataclass(frozen=True)
class Shape:
    """What the kernel is compiled for.

    Attributes:
        N, D, K: samples, width and classes, padded.
        L: number of weight matrices.
        rows, block, strip, lanes: how a product is cut into registers, see `kernel.c`.
        double: float64 instead of float32.
        activation, epsilon: as in `DufmConfig`.
    """

    N: int
    D: int
    K: int
    L: int
    rows: int
    block: int
    strip: int
    lanes: int
    double: bool
    activation: str
    epsilon: float | None

    @classmethod
    def of(cls, config: DufmConfig, vector_bytes: int) -> "Shape":
        """Choose padding and register blocks for runs of this shape.

        Args:
            config: any of the runs.
            vector_bytes: length of the machine's vectors; 64 comes with 32 registers, less with 16.
        """
        longest = vector_bytes // (8 if config.dtype == "float64" else 4)
        halves = [longest, longest // 2] if vector_bytes > 16 else [longest]
        lanes = min(halves, key=lambda v: _padded(config.width, v) * (1.0 if v == longest else _NARROW_COST))
        D = _padded(config.width, lanes)
        registers = 32 if vector_bytes == 64 else 16
        block = max(b for b in range(1, 5 if registers == 32 else 3) if D // lanes % b == 0)
        most = min(12, (registers - 1 - block) // block)
        N = config.n * config.K
        rows = min(range(1, most + 1), key=lambda r: (_padded(N, r) * (1 + 0.5 / r), -r))
        return cls(
            N=_padded(N, rows),
            D=D,
            K=_padded(config.K, lanes),
            L=config.L,
            rows=rows,
            block=block,
            strip=min(4, lanes),
            lanes=lanes,
            double=config.dtype == "float64",
            activation=config.activation,
            epsilon=config.epsilon,
        )

    @property
    def scratch(self) -> int:
        """Numbers of working memory a run needs while it steps."""
        return (2 * self.L * self.N * self.D) + self.N * self.K + self.D * max(self.D, self.K)

    def defines(self) -> list[str]:
        """Preprocessor definitions for `kernel.c`."""
        values = {"REAL": "double" if self.double else "float", "N": self.N, "D": self.D, "K": self.K, "L": self.L}
        values |= {"ROWS": self.rows, "BLOCK_D": self.block, "BLOCK_K": 1, "STRIP": self.strip, "VEC": self.lanes}
        values["ACT(l)"] = {"linear": "0", "relu-last": f"((l) == {self.L})"}.get(self.activation, "1")
        if self.epsilon is not None:
            values["EPSILON"] = repr(self.epsilon)
        return [f"-D{name}={value}" for name, value in values.items()]


class NativeSteps:
    """Steps of all runs of an engine, a run at a time on each core."""

    def __init__(self, engine: Engine, shape: Shape, function: "ctypes._NamedFuncPointer", workers: int) -> None:
        """Lay the runs out as the kernel wants them.

        Args:
            engine: whose parameters are advanced; it lies on the CPU.
            shape: from `Shape.of`.
            function: from `build`.
            workers: cores to use.
        """
        self._engine, self._shape, self._function, self._workers = engine, shape, function, workers
        self._real = np.dtype(np.float64 if shape.double else np.float32)
        first, runs = engine.configs[0], len(engine.configs)
        self._N, self._d, self._K = first.n * first.K, first.width, first.K
        self._X = np.zeros((runs, shape.N, shape.D), self._real)
        self._V = np.zeros((runs, shape.L - 1, shape.D, shape.D), self._real)
        self._V_L = np.zeros((runs, shape.D, shape.K), self._real)
        self._Y = np.zeros((shape.N, shape.K), self._real)
        self._Y[: self._N, : self._K] = np.repeat(np.eye(first.K), first.n, axis=0)
        self._rate = [config.lr / self._N for config in engine.configs]
        decays = [(config.wd_h1, *config.wd_layers) for config in engine.configs]
        lr = np.array([[config.lr] for config in engine.configs])
        self._keep = np.ascontiguousarray(1 - lr * np.array(decays), self._real)

    def __call__(self, count: int) -> None:
        """Take so many steps of every run, and put the result into the engine's parameters."""
        p = self._engine.parameters
        pairs = (
            (p.features, self._X[:, : self._N, : self._d]),
            (p.hidden, self._V[:, :, : self._d, : self._d].swapaxes(0, 1)),
            (p.last, self._V_L[:, : self._d, : self._K]),
        )
        for tensor, padded in pairs:
            padded[...] = tensor.numpy()
        runs = range(len(self._rate))
        with ThreadPoolExecutor(min(self._workers, len(runs))) as pool:
            list(pool.map(lambda run: self._advance(run, count), runs))
        for tensor, padded in pairs:
            tensor.copy_(torch.from_numpy(padded))

    def _advance(self, run: int, count: int) -> None:
        rate = (ctypes.c_double if self._shape.double else ctypes.c_float)(self._rate[run])
        scratch = np.empty(self._shape.scratch, self._real)
        X, V, V_L = (_pointer(array[run]) for array in (self._X, self._V, self._V_L))
        keep = _pointer(self._keep[run])
        self._function(ctypes.c_long(count), X, V, V_L, _pointer(self._Y), rate, keep, _pointer(scratch))


def native_steps(engine: Engine, workers: int) -> NativeSteps | None:
    """Compiled steps for an engine on so many cores; None if it lies on a GPU or no kernel can be built here."""
    if engine.parameters.features.device.type != "cpu":
        return None
    shape = Shape.of(engine.configs[0], vector_bytes())
    function = build(shape)
    return None if function is None else NativeSteps(engine, shape, function, workers)


def cores() -> int:
    """Cores that this process may use: its affinity, and no more than torch was told to use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, torch.get_num_threads()))


@lru_cache(maxsize=1)
def vector_bytes() -> int:
    """Length of the machine's vectors: 64 with AVX-512, 32 with AVX2, else 16."""
    features = _processor().split()
    return 64 if "avx512f" in features and "avx512vl" in features else 32 if "avx2" in features else 16


@lru_cache(maxsize=256)
def build(shape: Shape) -> "ctypes._NamedFuncPointer | None":
    """Compile the kernel for a shape, or load it from the cache; None where that is not possible."""
    compiler = _compiler()
    if compiler is None:
        return None
    source = files("nccli.dufm").joinpath("kernel.c").read_text()
    command = [*compiler[0], *_FLAGS, *shape.defines()]
    key = hashlib.sha256("\0".join((source, *command, compiler[1], _processor())).encode()).hexdigest()[:24]
    library = _cache() / f"{key}.so"
    return _loaded(library) or (_loaded(library) if _compile(command, source, library) else None)


def _loaded(library: Path) -> "ctypes._NamedFuncPointer | None":
    """The kernel of a library; None if there is none, it is broken, or its file system forbids execution."""
    try:
        return ctypes.CDLL(str(library)).nccli_steps if library.exists() else None
    except (OSError, AttributeError):
        return None


def _compile(command: Sequence[str], source: str, library: Path) -> bool:
    """Build beside the final place and move there, so that another process never loads half a file."""
    try:
        library.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            code, built = Path(folder) / "kernel.c", Path(folder) / "kernel.so"
            code.write_text(source)
            arguments = [*command, "-shared", "-fPIC", str(code), "-o", str(built)]
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


def _padded(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _pointer(array: Float[np.ndarray, "..."] | Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)  # type: ignore[union-attr]
