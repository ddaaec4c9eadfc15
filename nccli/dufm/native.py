"""The step as compiled code: `kernel.c`, built for one shape by the machine's own C compiler and kept for next time.

A run's whole state stays in the core's cache for many steps, runs are spread over cores, and a run's numbers do not
depend on its neighbours, bit for bit. Where there is no compiler that can build it, PyTorch does the same work.
"""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from nccli.catalogue.options import DtypeName
from nccli.catalogue.runs import StepsBy
from nccli.dufm.batch import Batch
from nccli.dufm.compiler import compiled_library, vector_bytes
from nccli.dufm.config import DufmConfig
from nccli.dufm.kernel_check import checked_run, takes_the_right_step
from nccli.dufm.measurement import Measurement, measure
from nccli.dufm.network import targets
from nccli.dufm.shape import Shape
from nccli.dufm.steps import Steps


class NativeSteps(Steps):
    """Steps of all runs of a batch, a run at a time on each core."""

    by = StepsBy.COMPILED

    def __init__(self, batch: Batch, shape: Shape, library: ctypes.CDLL, workers: int) -> None:
        """Lay the runs out as the kernel wants them.

        Args:
            batch: whose runs are advanced; NumPy arrays.
            shape: from `Shape.of`.
            library: from `build`.
            workers: cores to use.
        """
        self._batch, self._shape, self._library = batch, shape, library
        self._real = np.dtype(np.float64 if shape.double else np.float32)
        first, runs = batch.configs[0], len(batch.configs)
        rows, d, K = batch.rows, first.width, first.K
        self._state = np.zeros((runs, len(batch.held), shape.size), self._real)
        self._pairs: list[tuple[NDArray[np.floating], NDArray[np.floating]]] = []
        for which, held in enumerate(batch.held):
            X, V, V_L = shape.parts(self._state[:, which])
            self._pairs.append((held.features, X[:, :rows, :d]))
            self._pairs.append((held.hidden, V[:, :, :d, :d].swapaxes(0, 1)))
            self._pairs.append((held.last, V_L[:, :d, :K]))
        for array, padded in self._pairs:
            padded[...] = array
        self._Y = np.zeros((shape.N, shape.K), self._real)
        self._Y[:rows, :K] = targets(first, rows)
        self._lr = [config.lr for config in batch.configs]
        self._wd = np.array([(config.wd_h1, *config.wd_layers) for config in batch.configs])
        copies, self._behind = batch.copies, np.ones(shape.N if shape.unequal else 0, self._real)
        if isinstance(copies, int):
            self._constants = (1 / rows, 1 / copies, first.momentum)
        else:
            self._constants = (1 / first.N, 1.0, first.momentum)
            self._behind[:rows] = copies[:, 0]
        self._used = (rows, K)
        self._workers = min(workers, runs)

    def advance(self, first: int, count: int) -> None:
        """See `Steps.advance`."""
        pace = self._batch.configs[0].paces(first, count)
        runs = iter(range(len(self._lr)))  # shared: whoever is free takes the next

        def work() -> None:
            for run in runs:
                self._advance(run, count, pace)

        if self._workers == 1:
            work()
            return
        with ThreadPoolExecutor(self._workers) as pool:
            for done in [pool.submit(work) for _ in range(self._workers)]:
                done.result()

    def sync(self) -> None:
        """See `Steps.sync`."""
        for array, padded in self._pairs:
            array[...] = padded

    def measure(self) -> Measurement:
        """See `Steps.measure`."""
        self.sync()
        return measure(self._batch, self._workers)

    def _advance(self, run: int, count: int, pace: NDArray[np.float64] | None) -> None:
        scratch = np.empty(self._shape.scratch, self._real)
        self._library.nccli_steps(
            ctypes.c_long(count),
            None if pace is None else _pointer(pace),
            _pointer(self._state[run]),
            _pointer(self._Y),
            *map(ctypes.c_int, self._used),
            ctypes.c_double(self._lr[run]),
            *map(ctypes.c_double, self._constants),
            _pointer(self._wd[run]),
            _pointer(scratch),
            _pointer(self._behind),
        )


def native_steps(batch: Batch, workers: int) -> NativeSteps | None:
    """Compiled steps for a batch on so many cores; None if no kernel can be built here."""
    shape = Shape.of(batch.configs[0], vector_bytes(), batch.reduced)
    library = build(shape)
    return None if library is None else NativeSteps(batch, shape, library, workers)


@lru_cache(maxsize=256)
def build(shape: Shape) -> ctypes.CDLL | None:
    """Compile the kernel for a shape, or load it from the cache; None where that is not possible."""

    def is_sound(library: ctypes.CDLL) -> bool:
        return hasattr(library, "nccli_steps") and takes_the_right_step(
            _run_of(shape), lambda batch: NativeSteps(batch, shape, library, workers=1)
        )

    return compiled_library(sources(shape), shape.defines(), is_sound)


def _run_of(shape: Shape) -> DufmConfig:
    """A run that fills the shape, padding included, as far as classes of equal size can, or its class means."""
    K = min(shape.K, shape.N)
    return checked_run(
        *(K, shape.L, shape.N // K, shape.D),
        class_counts=tuple(range(1, K + 1)) if shape.unequal else None,
        dtype=(DtypeName.FLOAT64 if shape.double else DtypeName.FLOAT32).value,
        activation=shape.activation,
        epsilon=shape.epsilon,
        optimizer=shape.optimizer,
        objective=shape.objective,
    )


def sources(shape: Shape) -> dict[str, str]:
    """The kernel's files by name."""
    return {"kernel.c": files("nccli.dufm").joinpath("kernel.c").read_text(), "choices.h": shape.choices()}


def _pointer(array: NDArray[np.floating]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
