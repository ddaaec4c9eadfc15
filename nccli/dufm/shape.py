"""What the kernel is compiled for: sizes cut into the machine's registers, and the C texts of what a run may choose."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nccli.catalogue.activations import leaky_slope
from nccli.catalogue.options import ActivationName
from nccli.dufm.config import DufmConfig
from nccli.dufm.optimizers import OPTIMIZERS
from nccli.objective import objective_named

_NARROW_COST = 1.12
"""Measured: a step in vectors of half the length takes so much longer at the same padding."""


@dataclass(frozen=True)
class Shape:
    """What the kernel is compiled for.

    Attributes:
        N, D, K: samples, width and classes, padded.
        L: number of weight matrices.
        rows, block, strip, lanes: how a product is cut into registers, see `kernel.c`.
        double: float64 instead of float32.
        activation, epsilon, optimizer, objective: as in `DufmConfig`.
        unequal: whether rows stand for samples of which there are not as many behind each.
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
    objective: str
    unequal: bool = False

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
        N = config.K if reduced else config.N
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
            objective=config.objective,
            unequal=reduced and config.class_counts is not None,
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
        values["ACT(l)"] = {ActivationName.LINEAR.value: "0", ActivationName.RELU_LAST.value: f"((l) == {self.L})"}.get(
            self.activation, "1"
        )
        slope = leaky_slope(self.activation)
        if slope is not None:
            values["SLOPE"] = repr(slope)
        if self.epsilon is not None:
            values["EPSILON"] = repr(self.epsilon)
        if self.unequal:
            values["UNEQUAL"] = 1
        return [f"-D{name}={value}" for name, value in values.items()]

    def choices(self) -> str:
        """The header `choices.h` of `kernel.c`: C texts of the optimiser and the objective."""
        way, aim = OPTIMIZERS[self.optimizer], objective_named(self.objective)
        return f"""
#define STEP_IN_GRADIENT {int(way.step_in_gradient)}
#define DECOUPLED {int(way.decoupled)}
#define MORE {way.numbers_a_step}
#define UPDATE {_one_line(way.c_update)}
#define RESIDUAL {_one_line(aim.c_residual)}
#define MIXES_OUTPUTS {int(bool(aim.c_rows))}
#define RESIDUAL_ROWS {_one_line(aim.c_rows)}
"""


def _padded(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _one_line(text: str) -> str:
    return " ".join(text.split())
