"""What the fused kernel is compiled for, and where the numbers of its runs lie."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from nccli.catalogue.options import ActivationName
from nccli.dufm.config import DufmConfig
from nccli.dufm.fused.cut import Cut
from nccli.dufm.parameters import Parameters
from nccli.objective import objective_named

if TYPE_CHECKING:
    from torch import Tensor

_REGISTERS = 16384
"""A bound: of one of the four parts of a multiprocessor."""

_MOST_BLOCKS = 32
"""A bound: blocks of a multiprocessor."""

_RESERVED = 1024
"""A bound: bytes of a multiprocessor's shared memory that every block takes beside its own."""


@dataclass(frozen=True)
class FusedShape:
    """A shape, padded.

    Attributes:
        cut: of its work.
        K, L, width: as in `DufmConfig`.
        rows: of the features, samples or classes.
        activation, objective: as in `DufmConfig`.
    """

    cut: Cut
    K: int
    L: int
    width: int
    rows: int
    activation: str
    objective: str

    @classmethod
    def of(cls, config: DufmConfig, rows: int) -> "FusedShape":
        """For runs like one of them, with so many rows of the features."""
        cut = Cut.of(rows, config.width, config.K)
        return cls(cut, config.K, config.L, config.width, rows, config.activation, config.objective)

    @cached_property
    def N(self) -> int:
        """Padded rows."""
        return _up(self.rows, self.cut.rows)

    @cached_property
    def D(self) -> int:
        """Padded width."""
        return _up(self.width, 4)

    @cached_property
    def padded_K(self) -> int:
        """Padded classes."""
        return _up(self.K, 4)

    @property
    def size(self) -> int:
        """Floats of a run in global memory: X_1, V_1, …, V_L."""
        return sum(math.prod(part) for part in self._parts)

    @property
    def shared(self) -> int:
        """Bytes of shared memory; the same sum as SHARED in `kernel.cu`."""
        tiles, half = self.N // self.cut.rows, self.cut.rows // 2
        stride = self.D if self.D // 4 % 2 else self.D + 4
        floats = self.L * tiles * 2 * _apart(half * self.D) + ((self.L - 1) * self.D + self.padded_K) * stride
        return 4 * _up(floats + tiles * 2 * _apart(half * self.padded_K) + self.L + 5, 4)

    def blocks(self, shared: int) -> int:
        """Blocks that a multiprocessor with so many bytes of shared memory takes."""
        warps = 4 * (_REGISTERS // (32 * self.cut.registers))
        return max(1, min(shared // (self.shared + _RESERVED), warps // self.cut.warps, _MOST_BLOCKS))

    def defines(self, shared: int) -> Mapping[str, int | str]:
        """What the preprocessor is to know for a multiprocessor of so many bytes of shared memory."""
        cut = self.cut
        values: dict[str, int | str] = {"N": self.N, "D": self.D, "K": self.padded_K, "L": self.L}
        values |= {"REAL_N": self.rows, "REAL_K": self.K, "ACTIVE": self._active}
        values |= {"WARPS": cut.warps, "BLOCKS": self.blocks(shared), "ROWS": cut.rows}
        products = {"FORWARD": cut.forward, "BACKWARD": cut.backward, "OUTPUT": cut.output}
        for (name, (parts, columns)), unroll in zip(products.items(), cut.unroll, strict=True):
            values |= {f"{name}_S": parts, f"{name}_C": columns, f"UNROLL_{name}": unroll}
        return values | {"RESIDUAL": f"({objective_named(self.objective).c_residual})"}

    def views(self, state: "Tensor") -> Parameters:
        """The runs without their padding, as views.

        Args:
            state: (runs, size).
        """
        ends = list(accumulate(math.prod(part) for part in self._parts))
        features, hidden, last = (
            state[:, end - math.prod(part) : end].view(len(state), *part)
            for part, end in zip(self._parts, ends, strict=True)
        )
        d, K = self.width, self.K
        return Parameters(features[:, : self.rows, :d], hidden[:, :, :d, :d].transpose(0, 1), last[:, :d, :K])

    @property
    def _parts(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of X_1, the stack of V_l for l < L, and V_L."""
        return (self.N, self.D), (self.L - 1, self.D, self.D), (self.D, self.padded_K)

    @property
    def _active(self) -> int:
        """Bit l: whether layer l has a ReLU."""
        every = sum(1 << layer for layer in range(2, self.L + 1))
        return {ActivationName.LINEAR.value: 0, ActivationName.RELU_LAST.value: 1 << self.L}.get(self.activation, every)


def _up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple


def _apart(n: int) -> int:
    """Halves of a tile so far apart lie 16 banks apart."""
    return n + (48 - n % 32) % 32
