"""How a step's products are cut into warps and registers: by rules, so that a run's bits hang on its shape alone."""

import math
from dataclasses import dataclass

_MOST_ROWS = 10
"""A bound: rows of a tile that a thread's registers hold."""

_NARROW, _WIDE = 24, 32
"""Measured on an H100 at widths 20, 30 and 64: up to the first a warp can own a run, beyond the second more of a tile's
columns pay."""

_FULL_REGISTERS = 168
"""A bound: registers a thread, so that three blocks of four warps share a multiprocessor."""

_WHOLE = 64
"""A taste: more turns than any inner loop has; it is unrolled whole."""


@dataclass(frozen=True)
class Cut:
    """One way to cut the work; the head of `kernel.cu` says what the numbers mean.

    Attributes:
        warps: a block, which holds one run.
        rows: of a product at a time in registers.
        forward, backward, output: parts of the inner sum, and columns a lane.
        unroll: of the inner loops of these three.
        registers: a thread; they decide how many blocks a multiprocessor takes where memory does not.
    """

    warps: int
    rows: int
    forward: tuple[int, int]
    backward: tuple[int, int]
    output: tuple[int, int]
    unroll: tuple[int, int, int]
    registers: int

    @classmethod
    def of(cls, rows: int, width: int, K: int) -> "Cut":
        """The cut that was quickest in the measured shape next to this one.

        Measured on an H100, L = 4, microseconds a run and step: rows 10, width 64: 0.0229 (1,024 runs); rows 10, width
        20: 0.0129 (240 runs); rows 50, width 30: 0.0372; rows 45 and 100, width 64: 0.160 and 0.279 (1,024 runs each).
        """
        columns, tile = _up(width, 4), _tile(rows)
        output = (8, 1 if K <= 16 else 2)
        warps = math.ceil(columns / 16)
        if columns <= _NARROW:
            return cls(columns // 4, tile, (8, 1), (8, 1), output, (1, 1, 1), 96)
        if rows <= _MOST_ROWS:
            return cls(warps, tile, (4, 2), (4, 2), output, (_WHOLE, _WHOLE, _WHOLE), _FULL_REGISTERS)
        if columns <= _WIDE:
            return cls(warps, tile, (4, 2), (4, 2), output, (2, 1, 2), _FULL_REGISTERS)
        return cls(2 * warps, tile, (4, 4), (8, 2), output, (1, 1, 2), 128)


def _tile(rows: int) -> int:
    """Rows of a tile: even, with the least padding."""
    return min(range(_MOST_ROWS, 1, -2), key=lambda r: (_up(rows, r) * (1 + 0.5 / r), -r))


def _up(n: int, multiple: int) -> int:
    return -(-n // multiple) * multiple
