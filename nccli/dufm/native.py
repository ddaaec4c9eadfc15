"""The step as compiled code: `kernel.c`, built for one shape by the machine's own C compiler and kept for next time.

`measure.c` beside it measures a run, for which PyTorch would need longer than for a hundred steps of a small one. A
run's whole state stays in the core's cache for many steps, runs are spread over cores, and a run's numbers do not
depend on its neighbours, bit for bit. Where there is no compiler that can build it, `Engine.step` does the same work.
"""

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nccli.dufm.compiler import compiled_library, vector_bytes
from nccli.dufm.config import DufmConfig
from nccli.dufm.engine import Engine
from nccli.dufm.measurement import Measurement
from nccli.dufm.pace import ADAM_BETA_2, ADAM_EPSILON, OPTIMIZERS
from nccli.dufm.steps import Steps
from nccli.metrics import RANK_RTOL, ZERO_FLOOR

_NARROW_COST = 1.12  # measured: a step in vectors of half the length takes so much longer at the same padding


@dataclass(frozen=True)
class Shape:
    """What the kernel is compiled for.

    Attributes:
        N, D, K: samples, width and classes, padded.
        L: number of weight matrices.
        rows, block, strip, lanes: how a product is cut into registers, see `kernel.c`.
        double: float64 instead of float32.
        activation, epsilon, optimizer: as in `DufmConfig`.
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
    optimizer: str

    @classmethod
    def of(cls, config: DufmConfig, vector_bytes: int, reduced: bool = False) -> "Shape":
        """Choose padding and register blocks for runs of this shape.

        Args:
            config: any of the runs.
            vector_bytes: length of the machine's vectors; 64 comes with 32 registers, less with 16.
            reduced: whether a row stands for all samples of a class.
        """
        longest = vector_bytes // (8 if config.dtype == "float64" else 4)
        halves = [longest, longest // 2] if vector_bytes > 16 else [longest]
        lanes = min(halves, key=lambda v: _padded(config.width, v) * (1.0 if v == longest else _NARROW_COST))
        D = _padded(config.width, lanes)
        registers = 32 if vector_bytes == 64 else 16
        block = max(b for b in range(1, 5 if registers == 32 else 3) if D // lanes % b == 0)
        most = min(12, (registers - 1 - block) // block)
        N = config.K if reduced else config.n * config.K
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
            optimizer=config.optimizer,
        )

    @property
    def size(self) -> int:
        """Numbers that X_1, V_1, …, V_L take together."""
        return self.N * self.D + (self.L - 1) * self.D * self.D + self.D * self.K

    def parts(
        self, block: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
        """X_1, the stack of V_l for l < L, and V_L, as views of (runs, size) numbers."""
        X, V, V_L = np.split(block, np.cumsum([self.N * self.D, (self.L - 1) * self.D * self.D]), axis=1)
        return X.reshape(-1, self.N, self.D), V.reshape(-1, self.L - 1, self.D, self.D), V_L.reshape(-1, self.D, self.K)

    @property
    def scratch(self) -> int:
        """Numbers of working memory a run needs while it steps."""
        return (2 * self.L * self.N * self.D) + self.N * self.K + self.D * max(self.D, self.K)

    def defines(self) -> list[str]:
        """Preprocessor definitions for `kernel.c`."""
        values: dict[str, str | int | float] = {"REAL": "double" if self.double else "float"}
        values |= {"N": self.N, "D": self.D, "K": self.K, "L": self.L}
        values |= {"ROWS": self.rows, "BLOCK_D": self.block, "BLOCK_K": 1, "STRIP": self.strip, "VEC": self.lanes}
        values |= {"OPTIMIZER": OPTIMIZERS.index(self.optimizer), "BETA_2": ADAM_BETA_2, "ADAM_EPSILON": ADAM_EPSILON}
        values["ACT(l)"] = {"linear": "0", "relu-last": f"((l) == {self.L})"}.get(self.activation, "1")
        if self.epsilon is not None:
            values["EPSILON"] = repr(self.epsilon)
        return [f"-D{name}={value}" for name, value in values.items()]


class NativeSteps(Steps):
    """Steps of all runs of an engine, a run at a time on each core."""

    def __init__(self, engine: Engine, shape: Shape, library: ctypes.CDLL, workers: int) -> None:
        """Lay the runs out as the kernel wants them.

        Args:
            engine: whose parameters are advanced; it lies on the CPU.
            shape: from `Shape.of`.
            library: from `build`.
            workers: cores to use.
        """
        self._shape, self._library = shape, library
        self._real = np.dtype(np.float64 if shape.double else np.float32)
        first, runs = engine.configs[0], len(engine.configs)
        rows, d, K = engine.rows, first.width, first.K
        self._state = np.zeros((runs, 1 + len(engine.moments), shape.size), self._real)
        self._pairs: list[tuple[Tensor, NDArray[np.floating]]] = []
        for which, held in enumerate((engine.parameters, *engine.moments)):
            X, V, V_L = shape.parts(self._state[:, which])
            self._pairs.append((held.features, X[:, :rows, :d]))
            self._pairs.append((held.hidden, V[:, :, :d, :d].swapaxes(0, 1)))
            self._pairs.append((held.last, V_L[:, :d, :K]))
        for tensor, padded in self._pairs:
            padded[...] = tensor.numpy()
        self._Y = np.zeros((shape.N, shape.K), self._real)
        self._Y[:rows, :K] = np.repeat(np.eye(K), rows // K, axis=0)
        self._lr = [config.lr for config in engine.configs]
        self._wd = np.array([(config.wd_h1, *config.wd_layers) for config in engine.configs])
        self._constants = (1 / rows, 1 / engine.copies, first.momentum)
        self._first, self._copies = first, engine.copies
        self._workers = min(workers, runs)

    def advance(self, first: int, count: int) -> None:
        """See `Steps.advance`."""
        pace = self._first.paces(first, count)
        self._spread(lambda run: self._advance(run, count, pace), range(len(self._lr)))

    def sync(self) -> None:
        """See `Steps.sync`."""
        for tensor, padded in self._pairs:
            tensor.copy_(torch.from_numpy(padded))

    def measure(self) -> Measurement:
        """See `Steps.measure`."""
        stages = 2 * self._first.L - 1
        found = np.empty((len(self._lr), 6 + 2 * stages))
        cuts = [len(found) * i // self._workers for i in range(self._workers + 1)]
        self._spread(lambda i: self._measure(slice(cuts[i], cuts[i + 1]), found), range(self._workers))
        fit, reg, grad_norm, deviation, aligned, finite = found[:, :6].T
        dnc1, rank = found[:, 6 : 6 + stages], found[:, 6 + stages :].astype(np.int64)
        return Measurement(fit, reg, grad_norm, dnc1, rank, deviation, aligned > 0, finite > 0)

    def _spread(self, work: Callable[[int], None], over: range) -> None:
        """Do a piece of work for each number, on as many threads as there are workers."""
        with ThreadPoolExecutor(self._workers) as pool:
            list(pool.map(work, over))

    def _measure(self, runs: slice, found: NDArray[np.float64]) -> None:
        K = self._first.K
        scratch = np.empty(self._library.nccli_measure_scratch(), np.float64)
        self._library.nccli_measure(
            ctypes.c_long(runs.stop - runs.start),
            _pointer(self._state[runs]),
            _pointer(self._Y),
            *map(ctypes.c_int, (self._state.shape[1] - 1, K, self._first.n // self._copies, self._copies)),
            ctypes.c_double(self._first.momentum),
            _pointer(self._wd[runs]),
            *map(ctypes.c_double, (RANK_RTOL, ZERO_FLOOR)),
            _pointer(scratch),
            _pointer(found[runs]),
        )

    def _advance(self, run: int, count: int, pace: NDArray[np.float64] | None) -> None:
        scratch = np.empty(self._shape.scratch, self._real)
        self._library.nccli_steps(
            ctypes.c_long(count),
            None if pace is None else _pointer(pace),
            _pointer(self._state[run]),
            _pointer(self._Y),
            ctypes.c_double(self._lr[run]),
            *map(ctypes.c_double, self._constants),
            _pointer(self._wd[run]),
            _pointer(scratch),
        )


def native_steps(engine: Engine, workers: int) -> NativeSteps | None:
    """Compiled steps for an engine on so many cores; None if it lies on a GPU or no kernel can be built here."""
    if engine.parameters.features.device.type != "cpu":
        return None
    shape = Shape.of(engine.configs[0], vector_bytes(), engine.reduced)
    library = build(shape)
    return None if library is None else NativeSteps(engine, shape, library, workers)


@lru_cache(maxsize=256)
def build(shape: Shape) -> ctypes.CDLL | None:
    """Compile the kernel for a shape, or load it from the cache; None where that is not possible."""
    sources = {name: files("nccli.dufm").joinpath(name).read_text() for name in ("kernel.c", "measure.c")}
    library = compiled_library(sources, shape.defines())
    if library is not None:
        library.nccli_measure_scratch.restype = ctypes.c_long
    return library


def _padded(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _pointer(array: NDArray[np.floating]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
